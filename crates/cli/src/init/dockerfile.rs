//! What a Dockerfile says of the image's last stage: ports, the check, the command.

use std::collections::BTreeMap;

/// What is known of an image before it is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its first exposed TCP port.
    pub port: Option<u16>,
    /// The path that its HEALTHCHECK asks for.
    pub health_path: Option<String>,
    /// Its ENTRYPOINT and CMD, as they are written.
    pub command: Option<String>,
}

impl Dockerfile {
    pub fn parse(text: &str) -> Self {
        let mut image = Self::default();
        let mut variables = BTreeMap::new();
        let (mut entry_point, mut command) = (None, None);
        for line in instructions(text) {
            let Some((word, rest)) = line.split_once(char::is_whitespace) else { continue };
            let rest = rest.trim();
            match word.to_ascii_uppercase().as_str() {
                "FROM" => (image, entry_point, command) = (Self::default(), None, None),
                "ENV" | "ARG" => variables.extend(assignments(rest)),
                "EXPOSE" if image.port.is_none() => {
                    image.port = rest.split_whitespace().find_map(|port| number(port, &variables))
                }
                "HEALTHCHECK" => image.health_path = path_asked_for(&filled(rest, &variables)),
                "ENTRYPOINT" => entry_point = Some(rest.to_owned()),
                "CMD" => command = Some(rest.to_owned()),
                _ => {}
            }
        }
        let words: Vec<String> = entry_point.into_iter().chain(command).collect();
        image.command = (!words.is_empty()).then(|| words.join(" "));
        image.port = image.port.or_else(|| variables.get("PORT").and_then(|port| port.parse().ok()));
        image
    }
}

/// The instructions, each on one line, without comments.
fn instructions(text: &str) -> Vec<String> {
    let (mut all, mut current) = (Vec::new(), String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(begun) => {
                current += begun;
                current.push(' ');
            }
            None => all.push(std::mem::take(&mut current) + line),
        }
    }
    all.push(current);
    all
}

fn assignments(text: &str) -> Vec<(String, String)> {
    let unquoted = |value: &str| value.trim_matches(['"', '\'']).to_owned();
    let pairs: Vec<(String, String)> = text
        .split_whitespace()
        .filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), unquoted(value))))
        .collect();
    match (pairs.is_empty(), text.split_once(char::is_whitespace)) {
        (true, Some((name, value))) => vec![(name.to_owned(), unquoted(value.trim()))],
        (_, _) => pairs,
    }
}

fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    })
}

fn number(port: &str, variables: &BTreeMap<String, String>) -> Option<u16> {
    let port = filled(port, variables);
    let (port, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
    if protocol.eq_ignore_ascii_case("udp") { None } else { port.parse().ok().filter(|port| *port > 0) }
}

/// The path that a command asks its own machine for.
pub fn path_asked_for(command: &str) -> Option<String> {
    let (_, address) = command.split_once("http://")?;
    let address = address.split(|c: char| c.is_whitespace() || "'\"|;&],".contains(c)).next()?;
    let path = address.split_once('/').map_or("", |(_, path)| path);
    Some(format!("/{}", path.split('?').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_says_what_runs() {
        let text = "# syntax\nFROM node AS build\nEXPOSE 1\nCMD x\nFROM node\nENV PORT=3000 A=b\nEXPOSE ${PORT}/tcp 9000\nHEALTHCHECK --interval=5s \\\n  # inside\n  CMD curl -f http://localhost:$PORT/healthz?x=1 || exit 1\nENTRYPOINT [\"node\"]\nCMD [\"server.js\"]\n";
        let expected = Dockerfile {
            port: Some(3000),
            health_path: Some("/healthz".into()),
            command: Some("[\"node\"] [\"server.js\"]".into()),
        };
        assert_eq!(Dockerfile::parse(text), expected);
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        for text in [
            "",
            "FROM x",
            "FROM x\nEXPOSE $PORT",
            "FROM x\nEXPOSE 53/udp",
            "FROM x\nEXPOSE 0 70000 x",
            "HEALTHCHECK NONE",
            "EXPOSE",
            "\\\n\\",
        ] {
            let image = Dockerfile::parse(text);
            assert_eq!((image.port, image.health_path), (None, None), "{text}");
        }
        assert_eq!(Dockerfile::parse("FROM x\nexpose 3000/tcp 9000\n").port, Some(3000));
        assert_eq!(Dockerfile::parse("FROM x\nENV PORT 4000\n").port, Some(4000));
    }
}
