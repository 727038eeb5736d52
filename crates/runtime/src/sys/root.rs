//! A root of its own for a container's process: the files of its image, under a layer of its own that takes what it writes.
//!
//! A root is no prison. What a container may do is what its user may do; it sees the machine's processes and its network. Where the engine
//! does not run as root, a namespace of users makes the mounts possible, and the container's user is the engine's under another number.

use std::ffi::{CStr, CString};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdir, open, symlink, unlink};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change, mount_remount,
    move_mount, open_tree, unmount,
};
use rustix::process::{Pid, chdir, chroot, fchdir, getegid, geteuid, pivot_root};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// The devices every container has.
const DEVICES: [(&CStr, &CStr); 6] = [
    (c"/dev/null", c"/dev/null"),
    (c"/dev/zero", c"/dev/zero"),
    (c"/dev/full", c"/dev/full"),
    (c"/dev/random", c"/dev/random"),
    (c"/dev/urandom", c"/dev/urandom"),
    (c"/dev/tty", c"/dev/tty"),
];

/// The machine's files that every container has a copy of, since it is in the machine's network.
const FILES: [&CStr; 2] = [c"/etc/resolv.conf", c"/etc/hosts"];

const LINKS: [(&CStr, &CStr); 4] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
];

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
/// Shared memory of a container, as Docker sizes it.
const SHARED_MEMORY: &CStr = c"mode=1777,size=65536k";

/// The most volumes in one container, which are at hand while the root changes.
const VOLUMES_MAX: usize = 32;

/// Whether a container may write to its root, or a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writable {
    Yes,
    No,
}

/// Who a process is within a namespace of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    pub user: u32,
    pub group: u32,
}

/// What is needed to give a process a root, made before it is forked.
#[derive(Debug)]
pub(crate) struct NewRoot {
    /// Where the root is put together.
    place: CString,
    /// A layer on the disk.
    layers: CString,
    /// The same in memory, where the disk's file system takes no layers, as one that is a layer itself.
    memory: CString,
    layers_in_memory: CString,
    upper_in_memory: CString,
    work_in_memory: CString,
    user_namespace: Option<IdMaps>,
    /// Copies of the machine's files, and their places.
    files: Vec<(CString, &'static CStr)>,
    volumes: Vec<Volume>,
    /// Each directory on the way to the working directory, and it last.
    working_directories: Vec<CString>,
    writable: Writable,
}

/// A directory that is put into the root.
#[derive(Debug)]
struct Volume {
    source: CString,
    /// Each directory on the way to its place, and that last.
    way: Vec<CString>,
    /// What is to be said of its mount again to make it read-only: a namespace of users may take nothing of it back.
    read_only: Option<MountFlags>,
}

#[derive(Debug)]
struct IdMaps {
    users: Vec<u8>,
    groups: Vec<u8>,
}

/// A step of entering a root, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    UserNamespace,
    MountNamespace,
    Layers,
    Root,
    Processes,
    Devices,
    Volumes,
    WorkingDirectory,
}

impl Step {
    const ALL: [Step; 8] = [
        Step::UserNamespace,
        Step::MountNamespace,
        Step::Layers,
        Step::Root,
        Step::Processes,
        Step::Devices,
        Step::Volumes,
        Step::WorkingDirectory,
    ];

    pub fn in_words(self) -> &'static str {
        match self {
            Step::UserNamespace => {
                "make a user namespace: run the engine as root, or let its user make them (sysctl kernel.unprivileged_userns_clone, \
                 kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)"
            }
            Step::MountNamespace => {
                "make a mount namespace, which takes CAP_SYS_ADMIN or an engine that does not run as root"
            }
            Step::Layers => "mount the image with a layer of the container's own (overlayfs)",
            Step::Root => "change into the image's root",
            Step::Processes => "mount /proc",
            Step::Devices => "mount /dev",
            Step::Volumes => "mount a volume (mountPoints)",
            Step::WorkingDirectory => "change into the working directory",
        }
    }
}

/// Tells the parent at which step its child failed; the error itself comes another way.
#[derive(Debug)]
pub(crate) struct StepReport(PipeReader);

impl StepReport {
    pub fn pair() -> io::Result<(StepReport, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        Ok((StepReport(reader), writer))
    }

    /// Reads what the child said, after it has ended.
    pub fn read(mut self) -> Option<Step> {
        let mut said = [0];
        let length = self.0.read(&mut said).ok()?;
        Step::ALL.get(usize::from(said[0])).copied().filter(|_| length == 1)
    }
}

impl NewRoot {
    /// Prepares a root of an unpacked image. `own` is a directory for this container; it is filled with what it writes.
    pub fn prepare(
        image: &Path,
        own: &Path,
        inside: Inside,
        working_directory: &str,
        writable: Writable,
    ) -> io::Result<Self> {
        let rootless = !geteuid().is_root();
        let (place, memory) = (own.join("root"), own.join("memory"));
        let (upper, work) = (own.join("written"), own.join("work"));
        for directory in [&place, &memory, &upper, &work] {
            std::fs::create_dir_all(directory)?;
        }
        let files = FILES.into_iter().filter_map(|file| Some((copy(file, own)?, file))).collect();
        // The root has the permissions of its upper layer.
        std::fs::set_permissions(&upper, std::os::unix::fs::PermissionsExt::from_mode(DIRECTORY_MODE.bits()))?;
        let (upper_in_memory, work_in_memory) = (memory.join("written"), memory.join("work"));
        let user_namespace = rootless.then(|| IdMaps {
            users: format!("{} {} 1\n", inside.user, geteuid().as_raw()).into_bytes(),
            groups: format!("{} {} 1\n", inside.group, getegid().as_raw()).into_bytes(),
        });
        Ok(NewRoot {
            place: path(&place)?,
            layers: options(image, &upper, &work, rootless)?,
            memory: path(&memory)?,
            layers_in_memory: options(image, &upper_in_memory, &work_in_memory, rootless)?,
            upper_in_memory: path(&upper_in_memory)?,
            work_in_memory: path(&work_in_memory)?,
            user_namespace,
            files,
            volumes: Vec::new(),
            working_directories: on_the_way(working_directory)?,
            writable,
        })
    }

    /// Puts a directory of the machine into the root, over whatever the image has there.
    pub fn with_volume(mut self, source: &Path, place: &str, writable: Writable) -> io::Result<Self> {
        let way = on_the_way(place)?;
        if !place.starts_with('/') || way.is_empty() || place.split('/').any(|part| part == "..") {
            return Err(io::Error::other(format!("a volume cannot be mounted at {place:?}")));
        }
        let read_only = match writable {
            Writable::Yes => None,
            Writable::No => Some(MountFlags::BIND | MountFlags::RDONLY | flags_of(source)?),
        };
        self.volumes.push(Volume { source: path(source)?, way, read_only });
        if self.volumes.len() > VOLUMES_MAX {
            return Err(io::Error::other(format!("a container has more than {VOLUMES_MAX} volumes")));
        }
        Ok(self)
    }

    /// Gives the calling process the root. It must have one thread, and nothing here may allocate.
    pub(super) fn enter(&self, unshare: impl Fn(UnshareFlags) -> rustix::io::Result<()>) -> Result<(), (Step, Errno)> {
        let at = |step: Step| move |error: Errno| (step, error);
        if let Some(maps) = &self.user_namespace {
            unshare(UnshareFlags::NEWUSER).and_then(|()| maps.write()).map_err(at(Step::UserNamespace))?;
        }
        unshare(UnshareFlags::NEWNS)
            .and_then(|()| mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC))
            .map_err(at(Step::MountNamespace))?;
        let processes = clone_of(c"/proc").map_err(at(Step::Processes))?;
        let devices = DEVICES.map(|(device, _)| clone_of(device).ok());
        let mut files = [const { None }; FILES.len()];
        for (clone, (copy, _)) in files.iter_mut().zip(&self.files) {
            *clone = clone_of(copy).ok();
        }
        let mut volumes = [const { None }; VOLUMES_MAX];
        for (clone, volume) in volumes.iter_mut().zip(&self.volumes) {
            *clone = Some(clone_of(&volume.source).map_err(at(Step::Volumes))?);
        }
        self.mount_layers().map_err(at(Step::Layers))?;
        change_root(&self.place).map_err(at(Step::Root))?;
        put(&processes, c"/proc").map_err(at(Step::Processes))?;
        make_devices(&devices).map_err(at(Step::Devices))?;
        make_directory(c"/etc").map_err(at(Step::Root))?;
        for (clone, (_, file)) in files.iter().zip(&self.files) {
            // An image in which there is no way to have it does without.
            if let Some(clone) = clone
                && make_file(file).and_then(|()| put_file(clone, file)).is_err()
            {
                // A link to where the image has nothing, as of systemd's resolver.
                let _ = unlink(*file).and_then(|()| make_file(file)).and_then(|()| put_file(clone, file));
            }
        }
        for (clone, volume) in volumes.iter().zip(&self.volumes) {
            clone.as_ref().map_or(Ok(()), |clone| volume.put(clone)).map_err(at(Step::Volumes))?;
        }
        self.enter_working_directory().map_err(at(Step::WorkingDirectory))?;
        match self.writable {
            Writable::Yes => Ok(()),
            Writable::No => mount_remount(c"/", MountFlags::BIND | MountFlags::RDONLY, c"").map_err(at(Step::Layers)),
        }
    }

    fn mount_layers(&self) -> rustix::io::Result<()> {
        let overlay =
            |layers: &CString| mount(c"overlay", &*self.place, c"overlay", MountFlags::empty(), layers.as_c_str());
        match overlay(&self.layers) {
            // The file system takes no layers.
            Err(Errno::INVAL) => {}
            mounted => return mounted,
        }
        mount(c"tmpfs", &*self.memory, c"tmpfs", MountFlags::empty(), c"mode=755")?;
        mkdir(&*self.upper_in_memory, DIRECTORY_MODE)?;
        mkdir(&*self.work_in_memory, DIRECTORY_MODE)?;
        overlay(&self.layers_in_memory)
    }

    fn enter_working_directory(&self) -> rustix::io::Result<()> {
        let Some(directory) = self.working_directories.last() else { return chdir(c"/") };
        if chdir(&**directory) != Err(Errno::NOENT) {
            return chdir(&**directory);
        }
        for directory in &self.working_directories {
            make_directory(directory)?;
        }
        chdir(&**directory)
    }
}

impl Volume {
    /// Nothing here may allocate.
    fn put(&self, clone: &OwnedFd) -> rustix::io::Result<()> {
        for directory in &self.way {
            make_directory(directory)?;
        }
        let Some(place) = self.way.last() else { return Ok(()) };
        put_file(clone, place)?;
        self.read_only.map_or(Ok(()), |flags| mount_remount(&**place, flags, c""))
    }
}

/// What holds for the mount that a directory is in.
fn flags_of(directory: &Path) -> io::Result<MountFlags> {
    use rustix::fs::StatVfsMountFlags as Has;
    let has = rustix::fs::statvfs(directory)?.f_flag;
    let pairs = [
        (Has::NOSUID, MountFlags::NOSUID),
        (Has::NODEV, MountFlags::NODEV),
        (Has::NOEXEC, MountFlags::NOEXEC),
        (Has::NOATIME, MountFlags::NOATIME),
        (Has::NODIRATIME, MountFlags::NODIRATIME),
        (Has::RELATIME, MountFlags::RELATIME),
    ];
    Ok(pairs.into_iter().filter(|(is, _)| has.contains(*is)).map(|(_, flag)| flag).collect())
}

impl IdMaps {
    fn write(&self) -> rustix::io::Result<()> {
        write_to(c"/proc/self/setgroups", b"deny")?;
        write_to(c"/proc/self/uid_map", &self.users)?;
        write_to(c"/proc/self/gid_map", &self.groups)
    }
}

/// The namespaces of a process that has a root of its own.
#[derive(Debug)]
pub(crate) struct Namespaces {
    user: Option<OwnedFd>,
    mount: OwnedFd,
    /// Its root, which need not be that of the namespace.
    root: OwnedFd,
    working_directory: CString,
}

impl Namespaces {
    pub fn of(process: Pid, root: &NewRoot) -> io::Result<Self> {
        let process = process.as_raw_nonzero();
        let namespace = |name: &str| std::fs::File::open(format!("/proc/{process}/ns/{name}")).map(OwnedFd::from);
        let user = match &root.user_namespace {
            Some(_) => Some(namespace("user")?),
            None => None,
        };
        let working_directory = root.working_directories.last().cloned().unwrap_or_else(|| c"/".to_owned());
        let root = open(format!("/proc/{process}/root"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Namespaces { user, mount: namespace("mnt")?, root, working_directory })
    }

    /// Lets the calling process, which must have one thread, see what the other one sees.
    pub(super) fn join(&self) -> Result<(), (Step, Errno)> {
        if let Some(user) = &self.user {
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
                .map_err(|error| (Step::UserNamespace, error))?;
        }
        move_into_link_name_space(self.mount.as_fd(), Some(LinkNameSpaceType::Mount))
            .map_err(|error| (Step::MountNamespace, error))?;
        fchdir(&self.root).and_then(|()| chroot(c".")).map_err(|error| (Step::Root, error))?;
        chdir(&*self.working_directory).map_err(|error| (Step::WorkingDirectory, error))
    }
}

/// Changes into a root that is mounted. What was there before is taken away, so that nothing leads back.
fn change_root(place: &CStr) -> rustix::io::Result<()> {
    chdir(place)?;
    match pivot_root(c".", c".") {
        Ok(()) => unmount(c".", UnmountFlags::DETACH)?,
        // The engine itself runs in a root that is no mount.
        Err(Errno::INVAL) => chroot(c".")?,
        Err(error) => return Err(error),
    }
    chdir(c"/")
}

fn make_devices(devices: &[Option<OwnedFd>]) -> rustix::io::Result<()> {
    make_directory(c"/dev")?;
    mount(c"tmpfs", c"/dev", c"tmpfs", MountFlags::NOSUID, c"mode=755,size=65536k")?;
    for (device, (_, name)) in devices.iter().zip(DEVICES) {
        // A machine may lack one, as one without a terminal does.
        if let Some(device) = device {
            make_file(name)?;
            put_file(device, name)?;
        }
    }
    for (target, link) in LINKS {
        symlink(target, link)?;
    }
    make_directory(c"/dev/shm")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(c"shm", c"/dev/shm", c"tmpfs", flags, SHARED_MEMORY)
}

fn clone_of(path: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

/// Puts a clone of a directory into its place.
fn put(clone: &OwnedFd, place: &CStr) -> rustix::io::Result<()> {
    make_directory(place)?;
    put_file(clone, place)
}

fn put_file(clone: &OwnedFd, place: &CStr) -> rustix::io::Result<()> {
    move_mount(clone, c"", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn make_directory(path: &CStr) -> rustix::io::Result<()> {
    match mkdir(path, DIRECTORY_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes an empty file to mount something over, unless there is something.
fn make_file(path: &CStr) -> rustix::io::Result<()> {
    match open(path, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC, FILE_MODE) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_to(path: &CStr, bytes: &[u8]) -> rustix::io::Result<()> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, bytes).map(drop)
}

/// Returns the options of an overlay mount. Colons and commas mean something in them.
fn options(image: &Path, upper: &Path, work: &Path, rootless: bool) -> io::Result<CString> {
    let escaped = |path: &Path| {
        let mut bytes = Vec::new();
        for byte in path.as_os_str().as_bytes() {
            if b"\\:,".contains(byte) {
                bytes.push(b'\\');
            }
            bytes.push(*byte);
        }
        bytes
    };
    let mut options = b"lowerdir=".to_vec();
    options.extend(escaped(image));
    options.extend(b",upperdir=");
    options.extend(escaped(upper));
    options.extend(b",workdir=");
    options.extend(escaped(work));
    if rootless {
        options.extend(b",userxattr");
    }
    Ok(CString::new(options)?)
}

/// Copies a file of the machine for a container; none when there is none. Its content is the container's to change.
fn copy(file: &CStr, own: &Path) -> Option<CString> {
    let file = Path::new(std::ffi::OsStr::from_bytes(file.to_bytes()));
    let copied = own.join(file.file_name()?);
    std::fs::copy(file, &copied).ok()?;
    std::fs::set_permissions(&copied, std::os::unix::fs::PermissionsExt::from_mode(FILE_MODE.bits())).ok()?;
    path(&copied).ok()
}

fn path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn on_the_way(directory: &str) -> io::Result<Vec<CString>> {
    let mut way = Vec::new();
    let mut so_far = String::new();
    for part in directory.split('/').filter(|part| !part.is_empty() && *part != ".") {
        so_far.push('/');
        so_far.push_str(part);
        way.push(CString::new(so_far.clone())?);
    }
    Ok(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_the_options_keep_their_colons_and_commas() {
        let options = options(Path::new("/a:b"), Path::new("/c,d"), Path::new("/e\\f"), true).expect("options");
        assert_eq!(options.to_str(), Ok("lowerdir=/a\\:b,upperdir=/c\\,d,workdir=/e\\\\f,userxattr"));
    }

    #[test]
    fn every_directory_on_the_way_is_named() {
        let way = |directory: &str| {
            let way = on_the_way(directory).expect("no zero byte");
            way.into_iter().map(|part| part.into_string().expect("text")).collect::<Vec<_>>()
        };
        assert_eq!(way("/srv//app/"), ["/srv", "/srv/app"]);
        assert_eq!(way("/"), Vec::<String>::new());
        assert_eq!(way("app"), ["/app"]);
    }
}
