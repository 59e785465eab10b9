//! Room for many connections: each takes a file handle, and so does each blob being read.

/// How many we ask for, first choice first. Systems start programs with as few as 256; macOS grants no more than 10,240
/// whatever its hard limit says.
#[cfg(unix)]
const HANDLES: [u64; 2] = [65_536, 10_240];

/// Raises the process's limit of open files as far as the system lets it.
#[cfg(unix)]
pub(super) fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    for handles in HANDLES {
        let wanted = limit.maximum.map_or(handles, |maximum| handles.min(maximum));
        if limit.current.is_none_or(|current| current >= wanted) {
            return;
        }
        if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).is_ok() {
            tracing::debug!(wanted, "the limit of open files was raised");
            return;
        }
    }
    tracing::warn!(current = ?limit.current, "the limit of open files can't be raised");
}

/// Windows has no such limit for sockets.
#[cfg(not(unix))]
pub(super) fn raise_open_files_limit() {}
