//! The bars of `normal-form`: all dependencies with up to two columns on the left, in tables of two sizes.
//!
//! The quickest of several rounds counts: a noisy machine only slows. Memory is the growth of the process's peak, the text
//! left out, which the caller holds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
use std::time::Instant;

use underpin_rules::dependency::{Keys, dependencies, encode};

const ROUNDS: u32 = 5;

fn main() {
    for (rows, columns, bar) in [(100_000, 10, 0.5), (500_000, 15, 3.0)] {
        let text = table(rows, columns);
        let before = peak_kib();
        let keys = Keys { keys: vec![vec![0]], declared: Vec::new() };
        let (mut encoding, mut searching, mut found, mut computing) = (f64::MAX, f64::MAX, 0, f64::MAX);
        for _ in 0..ROUNDS {
            let began = computed();
            let start = Instant::now();
            let encoded = encode(&text, columns);
            encoding = encoding.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            found = dependencies(&encoded, &keys).len();
            searching = searching.min(start.elapsed().as_secs_f64());
            computing = computing.min(computed() - began);
        }
        let memory = peak_kib().zip(before).map(|(after, before)| (after - before) * 1024.0 / rows as f64);
        let memory = memory.map_or("unknown".to_owned(), |bytes| format!("{bytes:.0} bytes per row"));
        println!(
            "{rows} × {columns}: {:.2} s ({encoding:.2} s to read, {searching:.2} s to search; {computing:.2} s of a core), {found} dependencies, {memory}; \
             the bars are {bar} s and 1 000 bytes per row",
            encoding + searching
        );
    }
}

/// Returns a table as COPY sends it: a key, references of every size, a column that follows from one of them, one that follows
/// from two, states, amounts, times and texts.
fn table(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 8);
    for row in 0..rows {
        for column in 0..columns {
            let random = mix(row as u64, column as u64);
            let customer = mix(row as u64, 1) % 5_000;
            let product = mix(row as u64, 2) % 300;
            let value = match column {
                0 => row.to_string(),
                1 => customer.to_string(),
                2 => product.to_string(),
                3 => format!("city {}", customer * 7919 % 211),
                4 => ["placed", "paid", "shipped", "cancelled"][(random % 4) as usize].to_owned(),
                5 => (random % 100_000).to_string(),
                6 => format!("2026-01-{:02} {:02}:00:00+00", 1 + random % 28, random / 28 % 24),
                7 => (customer * 31 + product * 17).wrapping_rem(997).to_string(),
                8 if random.is_multiple_of(5) => "\\N".to_owned(),
                8 => format!("note {}", random % 40_000),
                9 => random.is_multiple_of(2).to_string(),
                _ => (random % (10u64.pow((column % 6) as u32 + 1))).to_string(),
            };
            text.push_str(&value);
            text.push(if column + 1 == columns { '\n' } else { '\t' });
        }
    }
    text
}

/// Returns a number that looks drawn by chance and is the same in every run (splitmix64).
fn mix(row: u64, column: u64) -> u64 {
    let mut z = (row * 64 + column).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the seconds that this thread had a core for itself, where the system tells (Linux); 0 elsewhere.
fn computed() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Returns the most memory that the process ever held, where the system tells (Linux).
fn peak_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
