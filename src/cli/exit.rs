//! Exit codes: one enum, documented in `ods --help`.

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Ok,
    /// It went wrong in a way that has no code of its own.
    Failed,
    /// The arguments or the configuration are wrong.
    Usage,
    /// The package, revision, peer or token doesn't exist.
    NotFound,
    /// The token is missing, wrong or expired, or doesn't allow this; or this node may not.
    Refused,
    /// No node answers, or it can't do it now; trying again may help.
    Unreachable,
    /// Something else is there, or it changed in between.
    Conflict,
    /// A disk is full.
    NoSpace,
    /// Ended by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Every exit code, in order.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Refused,
        Self::Unreachable,
        Self::Conflict,
        Self::NoSpace,
        Self::Interrupted,
    ];

    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Conflict => 6,
            Self::NoSpace => 7,
            Self::Interrupted => 130,
        }
    }

    /// What it means, for `--help`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failed => "failed",
            Self::Usage => "wrong arguments or configuration",
            Self::NotFound => "no such package, revision, peer, token, watch or webhook",
            Self::Refused => "refused: the token is missing or wrong, or doesn't allow it, or the node may not do it",
            Self::Unreachable => "no node answers, or it can't do it now; trying again may help",
            Self::Conflict => "conflict: something else is there, or it changed in between",
            Self::NoSpace => "no space left, here or on the node",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit that an HTTP status of the admin API stands for.
    pub const fn of_status(status: u16) -> Self {
        match status {
            400 => Self::Usage,
            401 | 403 => Self::Refused,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            408 | 429 | 502..=504 => Self::Unreachable,
            507 => Self::NoSpace,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn exit_codes_are_distinct_and_in_order() {
        assert!(Exit::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }

    #[test]
    fn statuses_map_to_exits() {
        for (status, exit) in [
            (400, Exit::Usage),
            (401, Exit::Refused),
            (403, Exit::Refused),
            (404, Exit::NotFound),
            (409, Exit::Conflict),
            (412, Exit::Conflict),
            (413, Exit::Failed),
            (422, Exit::Failed),
            (429, Exit::Unreachable),
            (500, Exit::Failed),
            (503, Exit::Unreachable),
            (507, Exit::NoSpace),
        ] {
            assert_eq!(Exit::of_status(status), exit, "{status}");
        }
    }
}
