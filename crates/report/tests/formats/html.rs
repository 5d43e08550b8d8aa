//! The page: whole, safe against what a database may contain, and free of anything fetched.

use std::collections::BTreeSet;

use underpin_model::Report;
use underpin_report::html::render;

use crate::sample;

/// The sample with every text replaced by a hostile one, as far as the form allows.
fn hostile(text: &str) -> Report {
    fn poison(value: &mut serde_json::Value, text: &str) {
        match value {
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| poison(value, text)),
            serde_json::Value::Object(fields) => {
                let fixed = ["verdict", "severity", "kind", "report", "from", "to"];
                for (_, value) in fields.iter_mut().filter(|(name, _)| !fixed.contains(&name.as_str())) {
                    poison(value, text);
                }
            }
            serde_json::Value::String(old) => *old = format!("{text}{old}{text}"),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(sample::report()).unwrap();
    poison(&mut value, text);
    serde_json::from_value(value).unwrap()
}

#[test]
fn hostile_text_stays_text() {
    let honest = render(&sample::report());
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style></title></svg></pre><iframe>",
        "{{ 7 * 7 }}{% raw %}",
        "--><!--",
    ] {
        let page = render(&hostile(text));
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<iframe"), "{text}");
        assert_eq!(attributes(&page), attributes(&honest), "{text}");
        assert!(!page.contains("--><!--"));
    }
}

/// Returns the names of all attributes, read from the tags alone.
fn attributes(page: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for tag in page.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(tag, _)| tag) {
        for (place, part) in tag.split('"').enumerate() {
            if place % 2 == 0 && part.ends_with('=') {
                names.insert(part.trim_start_matches(|letter: char| letter != ' ').trim().to_owned());
            }
        }
    }
    names
}

#[test]
fn control_characters_and_long_words_are_shown() {
    let page = render(&hostile(&format!("\u{0}\u{1b}\u{202e}{}", "x".repeat(2000))));
    assert!(page.contains("␀␛\u{fffd}"));
    assert!(!page.contains(['\u{0}', '\u{1b}', '\u{202e}']));
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = render(&sample::report());
    for word in ["<script", "src=", "url(", "@import", "<link rel=\"stylesheet\"", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    let addresses: Vec<&str> =
        page.split("http").skip(1).map(|part| part.split(['"', ' ']).next().unwrap()).collect();
    assert!(
        addresses.iter().all(|address| *address == "://www.w3.org/2000/svg" || address.starts_with('-')),
        "{addresses:?}"
    );
}

#[test]
fn every_anchor_leads_somewhere_and_ids_are_unique() {
    let page = render(&sample::report());
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len());
    for anchor in page.split("href=\"#").skip(1).filter_map(|part| part.split('"').next()) {
        assert!(unique.contains(anchor), "{anchor}");
    }
}

#[test]
fn every_verdict_is_a_word_and_a_shape() {
    let page = render(&sample::report());
    for verdict in ["proven", "broken", "inconclusive", "skipped"] {
        assert!(page.contains(&format!("href=\"#i-{verdict}\"")));
        assert!(page.contains(&format!("<span class=\"word\">{verdict}</span>")));
    }
}

#[test]
fn an_empty_report_is_a_page_too() {
    let report = Report { proofs: Vec::new(), ..sample::report() };
    let page = render(&report);
    assert!(page.contains("0 proofs: none ran; no findings") && page.contains("No findings."));
}

#[test]
fn a_report_is_drawn_the_same_way_every_time() {
    assert_eq!(render(&sample::report()), render(&sample::report()));
}
