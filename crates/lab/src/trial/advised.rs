//! Every needed index that keeps no rule, taken away from under the advisor.

use super::Trial;
use crate::error::LabError;
use crate::selftest::Checked;

pub(super) async fn run(_trial: &Trial<'_>) -> Result<Vec<Checked>, LabError> {
    Ok(Vec::new())
}
