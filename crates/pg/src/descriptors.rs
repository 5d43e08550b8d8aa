//! How many files and sockets a process may have open. A pool that runs out of them refuses nobody: it stops accepting, and
//! clients hang.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A process's limit of open files (`ulimit -n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// What holds now.
    pub soft: u64,
    /// What it may be raised to without rights.
    pub hard: u64,
}

/// Raises our own limit as far as it goes, for us and for whoever we start; returns what holds then.
pub fn raise_limit() -> DescriptorLimit {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    // macOS refuses to set "unlimited"; then the former limit stays and is returned.
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return DescriptorLimit { soft: hard, hard };
    }
    DescriptorLimit { soft, hard }
}

/// Returns the limit of another process; nothing where `/proc` does not tell.
pub fn limit_of(pid: i32) -> Option<DescriptorLimit> {
    read_limits(&fs_err::read_to_string(format!("/proc/{pid}/limits")).ok()?)
}

fn read_limits(text: &str) -> Option<DescriptorLimit> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let number = |word: &str| if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() };
    let mut words = line.split_whitespace();
    Some(DescriptorLimit { soft: number(words.next()?)?, hard: number(words.next()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_a_process() {
        let text = "Limit                     Soft Limit           Hard Limit           Units\n\
                    Max open files            1024                 unlimited            files\n";
        assert_eq!(read_limits(text), Some(DescriptorLimit { soft: 1024, hard: u64::MAX }));
        assert_eq!(read_limits("Max locked memory 1 1"), None);
    }

    #[test]
    fn ours_only_grows() {
        let raised = raise_limit();
        assert!(raised.soft > 0 && raise_limit() == raised);
    }
}
