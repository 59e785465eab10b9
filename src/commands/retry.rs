//! When trying again may help, and how long to wait before.

use std::time::Duration;

use ods_api::ClientError;

use crate::cli::Exit;

/// Waits between attempts: 1, 2, 4, 8 and 16 s; then it is given up.
#[derive(Debug, Clone, Default)]
pub(super) struct Pauses(u32);

/// Attempts after the first.
const ATTEMPTS_MAX: u32 = 5;

/// The wait before the last attempt.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(1 << (ATTEMPTS_MAX - 1));

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let attempt = self.0;
        self.0 += 1;
        (attempt < ATTEMPTS_MAX).then(|| Duration::from_secs(1 << attempt))
    }
}

/// Whether the same call may succeed a little later: the way there broke, or the node is busy.
pub(super) fn may_help(error: &ClientError) -> bool {
    match error {
        ClientError::Connect { .. } | ClientError::Broken { .. } | ClientError::Stalled { .. } => true,
        ClientError::Status { status, .. } => Exit::of_status(*status) == Exit::Unreachable,
        ClientError::Problem(problem) => Exit::of_status(problem.status) == Exit::Unreachable,
        ClientError::NotUnderstood { .. }
        | ClientError::TooLong { .. }
        | ClientError::BadServer { .. }
        | ClientError::Replaced
        | ClientError::SetUp { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let seconds: Vec<u64> = Pauses::default().map(|pause| pause.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16]);
        assert_eq!(PAUSE_MAX, Duration::from_secs(16));
    }
}
