//! An order of steps, as a value and as a word that can be typed again.

use std::fmt;
use std::str::FromStr;

/// Most sessions of one scenario: each is one digit of a written schedule.
pub const MOST_SESSIONS: usize = 9;

/// Which session took each step, by its number from 0.
///
/// Written as one digit per step, sessions counted from 1: `11222` is two steps of the first session and then
/// three of the second.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schedule(pub Vec<usize>);

impl Schedule {
    /// Returns the number of steps of a session.
    pub fn steps_of(&self, session: usize) -> usize {
        self.0.iter().filter(|one| **one == session).count()
    }

    /// Returns in how many schedules these sessions could go if nobody ever waited: a multinomial number.
    pub fn orders(&self) -> f64 {
        let sessions = self.0.iter().max().map_or(0, |most| most + 1);
        let mut placed = 0;
        let mut orders = 1.0;
        for session in 0..sessions {
            for nth in 1..=self.steps_of(session) {
                placed += 1;
                orders *= f64::from(placed) / nth as f64;
            }
        }
        orders.round()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|session| write!(f, "{}", session + 1))
    }
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is one digit per step, from 1 to the number of sessions, such as 1122")]
pub struct NoSchedule;

impl FromStr for Schedule {
    type Err = NoSchedule;

    fn from_str(text: &str) -> Result<Schedule, NoSchedule> {
        let session = |digit: char| match digit.to_digit(10) {
            Some(number @ 1..) => Ok(number as usize - 1),
            _ => Err(NoSchedule),
        };
        text.chars().map(session).collect::<Result<Vec<_>, _>>().map(Schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_written_and_read() {
        let schedule: Schedule = "1221".parse().unwrap();
        assert_eq!(schedule, Schedule(vec![0, 1, 1, 0]));
        assert_eq!(schedule.to_string(), "1221");
        assert_eq!("10".parse::<Schedule>(), Err(NoSchedule));
        assert_eq!("1a".parse::<Schedule>(), Err(NoSchedule));
    }

    #[test]
    fn orders_are_multinomial() {
        assert_eq!("1122".parse::<Schedule>().unwrap().orders(), 6.0);
        assert_eq!("111122223333".parse::<Schedule>().unwrap().orders(), 34_650.0);
        assert_eq!(Schedule::default().orders(), 1.0);
    }
}
