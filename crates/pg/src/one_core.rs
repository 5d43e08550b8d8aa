//! A thread and the backends of its sessions on one core.

use crate::session::Session;

/// Keeps the calling thread and some backends on one core while it lives; the thread is free again afterwards.
///
/// Sessions that take turns with their client, one statement at a time, leave the other cores idle, and an idle core has
/// to be woken for every message that goes to it. On a virtual machine that took up to four milliseconds per message,
/// against five microseconds where both stay on one core.
#[derive(Debug)]
pub struct OneCore {
    #[cfg(target_os = "linux")]
    before: nix::sched::CpuSet,
}

#[cfg(target_os = "linux")]
impl OneCore {
    /// Moves the thread and the backends, which must belong to a server of this machine that we started.
    ///
    /// Returns `None` where the system does not allow it; nothing is worse than before then.
    pub fn hold(sessions: &[&Session]) -> Option<OneCore> {
        use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
        use nix::unistd::Pid;

        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread).ok()?;
        let mut here = CpuSet::new();
        here.set(sched_getcpu().ok()?).ok()?;
        sched_setaffinity(this_thread, &here).ok()?;
        let held = OneCore { before };
        for session in sessions {
            // One that stays where it was only answers more slowly.
            let _ = sched_setaffinity(Pid::from_raw(session.pid()), &here);
        }
        Some(held)
    }
}

/// Moves the calling thread to one of the cores that it may use, the nth counted round, for good.
///
/// Threads with numbers of their own share the machine evenly; [`OneCore::hold`] then keeps each where it is.
#[cfg(target_os = "linux")]
pub fn take_core(nth: usize) {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    let this_thread = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this_thread) else { return };
    let cores: Vec<usize> =
        (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    let mut here = CpuSet::new();
    if let Some(core) = cores.get(nth % cores.len().max(1))
        && here.set(*core).is_ok()
    {
        // A thread that may not move works all the same.
        let _ = sched_setaffinity(this_thread, &here);
    }
}

#[cfg(not(target_os = "linux"))]
/// Does nothing: only Linux lets a process choose its cores.
pub fn take_core(_: usize) {}

#[cfg(target_os = "linux")]
impl Drop for OneCore {
    fn drop(&mut self) {
        // A thread that ends up on one core for good works all the same.
        let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &self.before);
    }
}

#[cfg(not(target_os = "linux"))]
impl OneCore {
    /// Does nothing: only Linux lets a process choose its cores.
    pub fn hold(_: &[&Session]) -> Option<OneCore> {
        None
    }
}
