//! The process as Linux sees it, under the names that every Prometheus client library uses.
//!
//! By hand, since it is three reads of `/proc` and two system calls; what can't be read is left out.

use std::fmt;
use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::list;
use super::pen::Pen;

/// The process at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProcessFacts {
    /// Seconds since 1970.
    started: f64,
    cpu_seconds: f64,
    resident_bytes: Option<u64>,
    open_fds: Option<u64>,
    /// `None` where there is no limit.
    max_fds: Option<u64>,
}

impl ProcessFacts {
    /// Looks at this process, which began at `started` (seconds since 1970).
    pub fn read(started: f64) -> ProcessFacts {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        ProcessFacts {
            started,
            cpu_seconds: used.tv_sec as f64 + used.tv_nsec as f64 / 1e9,
            resident_bytes: fs::read_to_string("/proc/self/status").ok().and_then(|s| resident(&s)),
            // The folder is open while it is read.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as u64),
            max_fds: getrlimit(Resource::Nofile).current,
        }
    }

    pub fn draw(&self, pen: &mut Pen<'_>) -> fmt::Result {
        pen.gauge(&list::START, self.started)?;
        pen.counter(&list::CPU, self.cpu_seconds)?;
        for (metric, value) in [
            (&list::RESIDENT, self.resident_bytes),
            (&list::OPEN_FDS, self.open_fds),
            (&list::MAX_FDS, self.max_fds),
        ] {
            if let Some(value) = value {
                pen.gauge(metric, value)?;
            }
        }
        Ok(())
    }
}

/// `VmRSS:     12345 kB`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_read() {
        let facts = ProcessFacts::read(1.5);
        assert_eq!(facts.started, 1.5);
        assert!(facts.cpu_seconds > 0.0);
        assert!(facts.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{facts:?}");
        assert!(facts.open_fds.is_some_and(|fds| fds >= 3), "{facts:?}");
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   123 kB\nVmData: 7 kB\n"), Some(123 * 1024));
        assert_eq!(resident("Name:\tx\n"), None);
    }
}
