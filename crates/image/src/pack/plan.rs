//! What a layer will have, in the order of its paths: whatever order files are found in, they come out in this one.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{PackError, source};
use super::ignored::Ignored;

const DIRECTORY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;
const ANY_EXECUTE: u32 = 0o111;
/// The permission bits and the three above them.
const MODE_MASK: u32 = 0o7777;

/// Something that goes into a layer.
#[derive(Clone, Debug)]
pub struct Entry {
    origin: Origin,
    path: String,
    mode: Option<u32>,
    owner: Owner,
}

/// Which directories a layer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directories {
    /// All that lead to something: for a layer on nothing.
    #[default]
    Written,
    /// Only empty ones, and those that are to have another mode or owner than usual. What unpacks the layer makes the others where they
    /// are missing; where a lower layer has them, or a symbolic link in their place, these stay.
    Implied,
}

#[derive(Clone, Debug)]
enum Origin {
    Path(PathBuf),
    Bytes(Vec<u8>),
    Link(String),
    Directory,
}

/// Numbers of a user and a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    pub user: u32,
    pub group: u32,
}

/// A file, directory or link of the layer.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub mode: u32,
    pub owner: Owner,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Directory,
    /// A file that lies somewhere.
    File(PathBuf),
    Bytes(Vec<u8>),
    /// A symbolic link's target.
    Link(Vec<u8>),
}

/// Paths without a slash at their ends.
pub(super) type Plan = BTreeMap<Vec<u8>, Node>;

impl Entry {
    /// Puts a file, a symbolic link as one, or a directory with everything in it at a path of the image.
    pub fn from_path(origin: impl Into<PathBuf>, path: &str) -> Self {
        Entry::new(Origin::Path(origin.into()), path)
    }

    pub fn from_bytes(contents: impl Into<Vec<u8>>, path: &str) -> Self {
        Entry::new(Origin::Bytes(contents.into()), path)
    }

    pub fn symbolic_link(target: &str, path: &str) -> Self {
        Entry::new(Origin::Link(target.to_owned()), path)
    }

    /// Puts an empty directory at a path of the image.
    pub fn directory(path: &str) -> Self {
        Entry::new(Origin::Directory, path)
    }

    /// Sets the mode of files. Directories get it too, and can be entered by whoever can read them.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode & MODE_MASK);
        self
    }

    /// Sets the owner, which is otherwise root.
    #[must_use]
    pub fn with_owner(mut self, user: u32, group: u32) -> Self {
        self.owner = Owner { user, group };
        self
    }

    fn new(origin: Origin, path: &str) -> Self {
        Entry { origin, path: path.to_owned(), mode: None, owner: Owner::default() }
    }

    fn node(&self, kind: NodeKind) -> Node {
        let mode = match (&kind, self.mode) {
            (NodeKind::Link(_), _) => 0o777,
            (NodeKind::Directory, Some(mode)) => mode | (mode & 0o444) >> 2,
            (NodeKind::Directory, None) => DIRECTORY_MODE,
            (NodeKind::File(_) | NodeKind::Bytes(_), Some(mode)) => mode,
            (NodeKind::File(_) | NodeKind::Bytes(_), None) => FILE_MODE,
        };
        Node { kind, mode, owner: self.owner }
    }
}

/// Finds everything that the entries name. Of two files for the same path the later entry's is taken.
pub(super) fn plan(entries: &[Entry], ignored: &Ignored, directories: Directories) -> Result<Plan, PackError> {
    let mut plan = Plan::new();
    for entry in entries {
        let path = place(&entry.path)?;
        match &entry.origin {
            Origin::Path(origin) => add_path(&mut plan, entry, origin, path, ignored)?,
            Origin::Bytes(contents) => add(&mut plan, path, entry.node(NodeKind::Bytes(contents.clone())))?,
            Origin::Link(target) if target.is_empty() || target.contains('\0') => {
                return Err(PackError::Path(target.clone()));
            }
            Origin::Link(target) => add(&mut plan, path, entry.node(NodeKind::Link(target.clone().into_bytes())))?,
            Origin::Directory => add(&mut plan, path, entry.node(NodeKind::Directory))?,
        }
    }
    match directories {
        Directories::Written => {}
        Directories::Implied => leave_out_implied(&mut plan),
    }
    Ok(plan)
}

/// Reads a path of the image into one from its root; the root itself is empty.
fn place(path: &str) -> Result<Vec<u8>, PackError> {
    let Some(rest) = path.strip_prefix('/') else { return Err(PackError::Path(path.to_owned())) };
    let names: Vec<&str> = rest.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    if names.contains(&"..") || path.contains('\0') {
        return Err(PackError::Path(path.to_owned()));
    }
    Ok(names.join("/").into_bytes())
}

fn add_path(plan: &mut Plan, entry: &Entry, origin: &Path, path: Vec<u8>, ignored: &Ignored) -> Result<(), PackError> {
    let metadata = origin.symlink_metadata().map_err(source("look at", origin))?;
    if metadata.is_dir() {
        add(plan, path.clone(), entry.node(NodeKind::Directory))?;
        return add_below(plan, entry, (origin, Path::new("")), &path, ignored);
    }
    add(plan, path, found(entry, origin, &metadata)?)
}

/// Adds what is in a directory: `root` and `below` lead to it on disk, `path` in the image.
fn add_below(
    plan: &mut Plan,
    entry: &Entry,
    (root, below): (&Path, &Path),
    path: &[u8],
    ignored: &Ignored,
) -> Result<(), PackError> {
    let directory = root.join(below);
    let failed = source("list", &directory);
    for child in std::fs::read_dir(&directory).map_err(&failed)? {
        let child = child.map_err(&failed)?;
        let origin = child.path();
        let metadata = origin.symlink_metadata().map_err(source("look at", &origin))?;
        let below = below.join(child.file_name());
        if ignored.has(&below, metadata.file_type()) {
            continue;
        }
        let path = join(path, child.file_name().as_bytes());
        if metadata.is_dir() {
            add(plan, path.clone(), entry.node(NodeKind::Directory))?;
            add_below(plan, entry, (root, &below), &path, ignored)?;
        } else {
            add(plan, path, found(entry, &origin, &metadata)?)?;
        }
    }
    Ok(())
}

/// A file or link as it lies on disk. Of its mode only whether it can be executed counts: the rest is the umask of who checked it out.
fn found(entry: &Entry, origin: &Path, metadata: &Metadata) -> Result<Node, PackError> {
    if metadata.is_symlink() {
        let target = std::fs::read_link(origin).map_err(source("read", origin))?;
        return Ok(entry.node(NodeKind::Link(target.into_os_string().into_vec())));
    }
    if !metadata.is_file() {
        return Err(PackError::Special(origin.to_owned()));
    }
    let mut node = entry.node(NodeKind::File(origin.to_owned()));
    if entry.mode.is_none() && metadata.permissions().mode() & ANY_EXECUTE != 0 {
        node.mode = PROGRAM_MODE;
    }
    Ok(node)
}

/// Adds a node and the directories that lead to it.
fn add(plan: &mut Plan, path: Vec<u8>, node: Node) -> Result<(), PackError> {
    let is_directory = matches!(node.kind, NodeKind::Directory);
    let shown = |path: &[u8]| format!("/{}", String::from_utf8_lossy(path));
    if path.is_empty() {
        return if is_directory { Ok(()) } else { Err(PackError::Conflict("/".to_owned())) };
    }
    if path.rsplit(|byte| *byte == b'/').any(|name| name.starts_with(b".wh.")) {
        return Err(PackError::Whiteout(shown(&path)));
    }
    for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let parent = plan.entry(path[..end].to_owned()).or_insert(Node {
            kind: NodeKind::Directory,
            mode: DIRECTORY_MODE,
            owner: Owner::default(),
        });
        if !matches!(parent.kind, NodeKind::Directory) {
            return Err(PackError::Conflict(shown(&path[..end])));
        }
    }
    match plan.get(&path) {
        Some(there) if matches!(there.kind, NodeKind::Directory) != is_directory => {
            Err(PackError::Conflict(shown(&path)))
        }
        Some(_) | None => {
            plan.insert(path, node);
            Ok(())
        }
    }
}

fn leave_out_implied(plan: &mut Plan) {
    let mut parents: Vec<Vec<u8>> = Vec::new();
    for path in plan.keys() {
        if let Some(end) = path.iter().rposition(|byte| *byte == b'/') {
            parents.push(path[..end].to_owned());
        }
    }
    parents.sort_unstable();
    plan.retain(|path, node| {
        let is_usual = node.mode == DIRECTORY_MODE && node.owner == Owner::default();
        let is_implied = is_usual && parents.binary_search(path).is_ok();
        !(matches!(node.kind, NodeKind::Directory) && is_implied)
    });
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_owned() } else { [path, b"/", name].concat() }
}
