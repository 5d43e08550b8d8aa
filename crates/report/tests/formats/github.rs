//! Annotations.

use camino::Utf8Path;
use underpin_report::github::annotations;

use crate::sample;

#[test]
fn worst_first_and_only_known_files() {
    let text = annotations(&sample::report(), Utf8Path::new("shop"));
    assert_eq!(text.lines().count(), 13, "{text}");
    assert!(
        text.starts_with("::error title=isolation is inconclusive::The server ran out of disk"),
        "{text}"
    );
    for part in [
        "\n::error file=shop/migrations/004_purchases.sql,line=48,title=UP104 fk-no-index::enrollments.purchase_id",
        " reads 1 000 000 rows%0Ahint: CREATE INDEX CONCURRENTLY enrollments_purchase_id_idx%0A    ON",
        "\n::warning file=shop/migrations/002_catalogue.sql,line=77,title=UP123 nullable-boolean::",
        "\n::notice title=UP121 varchar-n::instructors.slug is varchar(80)",
    ] {
        assert!(text.contains(part), "{part}\n\nis not in\n\n{text}");
    }
}
