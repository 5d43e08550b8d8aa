//! The corpus: what `cargo run -p underpin-pg --example plan_corpus` printed, a plan per line.

use serde_json::Value;

/// Of version 15 and of version 18.
pub const FILES: [&str; 2] =
    [include_str!("../corpus/plans-15.jsonl"), include_str!("../corpus/plans-18.jsonl")];

/// A plan of the corpus.
pub struct Stored {
    /// The statement and how it was explained.
    pub name: String,
    /// What EXPLAIN answered: a list with one object.
    pub plan: Value,
    /// The same as the server printed it, white space apart.
    pub text: String,
}

/// Returns the plans of one file.
pub fn stored(file: &str) -> Vec<Stored> {
    let read = |line: &str| {
        let all: Value = serde_json::from_str(line).unwrap();
        let name = format!("{} ({})", all["name"].as_str().unwrap(), all["variant"].as_str().unwrap());
        let at = line.find(",\"plan\":").unwrap() + 8;
        Stored { name, plan: all["plan"].clone(), text: line[at..line.len() - 1].to_owned() }
    };
    file.lines().map(read).collect()
}
