//! Root cause first: what others follow from stands above them.

use underpin_model::TriageFinding;

/// Codes from cause to consequence. What blocks stands first, then what keeps rows and slots, then what makes queries
/// slow, then what is declared wrong and waits for its day.
const CAUSES: &[&str] = &[
    "UP651", "UP650", "UP643", "UP632", "UP634", "UP665", "UP664", "UP666", "UP641", "UP640", "UP642",
    "UP630", "UP631", "UP652", "UP600", "UP612", "UP610", "UP661", "UP611", "UP623", "UP621", "UP622",
    "UP620", "UP663", "UP660", "UP662", "UP601", "UP602", "UP604", "UP603", "UP614", "UP613",
];

/// Returns the findings from cause to consequence, the worse first among equals.
pub(super) fn root_first(mut findings: Vec<TriageFinding>) -> Vec<TriageFinding> {
    let place = |code: &str| CAUSES.iter().position(|known| *known == code).unwrap_or(CAUSES.len());
    findings.sort_by_key(|finding| (place(&finding.code), std::cmp::Reverse(finding.severity)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_place() {
        let codes = crate::triage::CODES.iter().copied().flatten().map(|code| code.code);
        let missing: Vec<&str> = codes.filter(|code| !CAUSES.contains(code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
