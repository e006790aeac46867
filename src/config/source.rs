//! Where configuration comes from: a file, the environment, files that hold secrets. The sole reader of the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// Everything that configuration is read from, so that tests can hand in all of it.
pub struct Sources<'a> {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment; variables of others are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// Opens the configuration file and the files that hold secrets.
    pub files: &'a dyn Files,
}

/// Reads whole files of bounded size.
pub trait Files {
    /// The first `most` bytes of a file.
    ///
    /// # Errors
    /// When the file can't be opened or read.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        if is_named_pipe(path) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, NAMED_PIPE));
        }
        std::fs::File::open(path)?.take(most).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// What is said of a named pipe.
const NAMED_PIPE: &str =
    "is a named pipe: opening it may take for ever, and it can't be read again; name a file";

/// Whether whoever opens it may wait for ever. A shell's `<(…)` is a pipe too, but one that is open already.
fn is_named_pipe(path: &Path) -> bool {
    let open = ["/dev/", "/proc/"].iter().any(|place| path.starts_with(place));
    !open && std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo())
}

/// Files that exist only in memory.
impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let content = self.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.bytes().take(usize::try_from(most).unwrap_or(usize::MAX)).collect())
    }
}

impl Sources<'static> {
    /// The file at `path`, this process's environment, this machine's files.
    #[allow(clippy::disallowed_methods)] // the one place that may ask
    pub fn of_this_process(path: Option<&Path>) -> Sources<'static> {
        Sources { file: path.map(Path::to_owned), environment: std::env::vars_os().collect(), files: &Disk }
    }
}

/// Reads a text file of at most `most` bytes, or says in a few words why that can't be done.
pub(super) fn read_text(files: &dyn Files, path: &Path, most: u64) -> Result<String, String> {
    let content = files.read(path, most.saturating_add(1)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        io::ErrorKind::Unsupported if error.to_string() == NAMED_PIPE => NAMED_PIPE.to_owned(),
        other => format!("can't be read: {other}"),
    })?;
    if content.len() as u64 > most {
        return Err(format!("is larger than {most} bytes"));
    }
    String::from_utf8(content).map_err(|_| "is not UTF-8 text".to_owned())
}
