//! Reads the configuration as often as somebody wants, and sees whether what it was read from has changed.
//!
//! By content, not by times or the system's notices: Kubernetes swaps a symbolic link two folders above the file, network
//! file systems tell nobody, and a few small files cost less to read than to be clever about.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_128;

use super::source::{Disk, Files, Sources};
use super::{Config, Faults};

/// Where the configuration is read from. Clones read from the same.
#[derive(Clone)]
pub struct Loader {
    file: Option<PathBuf>,
    /// Of this process: it doesn't change while that lives.
    environment: Vec<(OsString, OsString)>,
    files: Arc<dyn Files + Send + Sync>,
}

/// The files that a configuration was read from, and what was in them: equal while nothing has changed. No secret can be
/// had from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace(Vec<Seen>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    most: u64,
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Hash(u128),
    Unreadable(io::ErrorKind),
}

impl Loader {
    /// The file at `path`, the environment of this process, the files of this machine.
    pub fn of_this_process(path: Option<&Path>) -> Loader {
        let Sources { file, environment, files: _ } = Sources::of_this_process(path);
        Loader { file, environment, files: Arc::new(Disk) }
    }

    /// These sources and nothing else.
    pub fn of(
        file: Option<PathBuf>,
        environment: Vec<(OsString, OsString)>,
        files: Arc<dyn Files + Send + Sync>,
    ) -> Loader {
        Loader { file, environment, files }
    }

    /// The configuration as it is written now, or everything that is wrong with it; and what it was read from.
    pub fn load(&self) -> (Result<Config, Faults>, Trace) {
        let tracing = Tracing { files: &*self.files, seen: Mutex::default() };
        let (file, environment) = (self.file.clone(), self.environment.clone());
        let read = Config::from_sources(&Sources { file, environment, files: &tracing });
        (read, Trace(tracing.seen.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The same files as they are now.
    pub fn look_again(&self, before: &Trace) -> Trace {
        let look = |seen: &Seen| Seen {
            content: Content::of(&self.files.read(&seen.path, seen.most)),
            ..seen.clone()
        };
        Trace(before.0.iter().map(look).collect())
    }
}

impl Content {
    fn of(read: &io::Result<Vec<u8>>) -> Content {
        match read {
            Ok(bytes) => Content::Hash(xxh3_128(bytes)),
            Err(error) => Content::Unreadable(error.kind()),
        }
    }
}

/// Not the hash: that of a short secret tells it.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Hash(_) => f.write_str("…"),
            Content::Unreadable(kind) => kind.fmt(f),
        }
    }
}

/// Files, and what was seen of them.
struct Tracing<'a> {
    files: &'a dyn Files,
    seen: Mutex<Vec<Seen>>,
}

impl Files for Tracing<'_> {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let read = self.files.read(path, most);
        let seen = Seen { path: path.to_owned(), most, content: Content::of(&read) };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        read
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("file", &self.file).finish_non_exhaustive()
    }
}
