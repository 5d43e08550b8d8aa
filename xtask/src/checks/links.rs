//! Links between the documents of the repository lead somewhere, anchors included.

use std::collections::BTreeMap;

use crate::problem::Outcome;
use crate::repository::Repository;

/// Looks at the links of every Markdown file; addresses of the web are not tried.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    let mut count = 0;
    for (path, text) in repository.texts.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, link) in links(text).into_iter().filter(|(_, link)| !is_of_the_web(link)) {
            count += 1;
            if let Some(message) = fault(repository, path, &link) {
                outcome.problem(path, line, message);
            }
        }
    }
    outcome.figure("links between documents", count.to_string(), "all resolve");
    outcome
}

fn is_of_the_web(link: &str) -> bool {
    link.split_once(':')
        .is_some_and(|(scheme, _)| scheme.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

/// Returns what is wrong with a link that stands in the file `from`.
fn fault(repository: &Repository, from: &str, link: &str) -> Option<String> {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = match file {
        "" => from.to_owned(),
        file => match resolved(from, file) {
            Some(target) => target,
            None => return Some(format!("`{link}` leads out of the repository")),
        },
    };
    if !target.is_empty() && !repository.paths.contains(&target) {
        return Some(format!("`{link}` leads to {target}, which does not exist"));
    }
    let text = repository.texts.get(&target).filter(|_| target.ends_with(".md"))?;
    let anchor = anchor?;
    (!anchors(text).iter().any(|known| known == anchor))
        .then(|| format!("{target} has no heading `#{anchor}`"))
}

/// Returns the path that a relative link means; nothing when it leaves the repository.
fn resolved(from: &str, link: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns line and target of every link: `[text](target)`, `![text](target)`, `[label]: target`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose_lines(text) {
        let line = without_code(line);
        let target = |after: &str| {
            let after = after.trim_start();
            let end = if after.starts_with('<') { '>' } else { ' ' };
            after.trim_start_matches('<').split([end, ')', '\t']).next().unwrap_or_default().to_owned()
        };
        found.extend(line.split("](").skip(1).map(|after| (number, target(after))));
        if line.trim_start().starts_with('[')
            && let Some((_, after)) = line.split_once("]: ")
        {
            found.push((number, target(after)));
        }
    }
    found
}

/// Returns the lines outside fenced code with their numbers, from 1.
fn prose_lines(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_fence = ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence));
        is_code ^= is_fence;
        if !is_code && !is_fence {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Returns the line without `code spans`.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Returns the anchors of a document, made from its headings as GitHub makes them, and the explicit ones.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (_, line) in prose_lines(text) {
        if let Some(heading) = line.strip_prefix('#') {
            let slug = slug(heading.trim_start_matches('#'));
            let count = seen.entry(slug.clone()).or_default();
            found.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
            *count += 1;
        }
        let explicit = line.split("id=\"").skip(1).filter_map(|after| after.split_once('"'));
        found.extend(explicit.map(|(id, _)| id.to_owned()));
    }
    found
}

fn slug(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || ['-', '_', ' '].contains(letter);
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let other = ("docs/proofs/seed.md", "# The `seed` proof\n\n## Twice\n## Twice\n<a id=\"own\"></a>\n");
        check(&Repository::of(&[("docs/a.md", text), other])).lines()
    }

    #[test]
    fn broken_links_are_named() {
        assert_eq!(
            lines("x\n[a](b.md) and ![c](../d.png)\n\n[e]: proofs/seed.md#nowhere\n[f](../../g.md)\n"),
            [
                "docs/a.md:2: `b.md` leads to docs/b.md, which does not exist",
                "docs/a.md:2: `../d.png` leads to d.png, which does not exist",
                "docs/a.md:4: docs/proofs/seed.md has no heading `#nowhere`",
                "docs/a.md:5: `../../g.md` leads out of the repository",
            ]
        );
    }

    #[test]
    fn links_that_resolve_are_silent() {
        let text = "# Top\n[a](proofs/seed.md#the-seed-proof) [b](proofs) [c](#top) [d](https://example.org/x) \
                    [e](proofs/seed.md#twice-1 \"title\") [f](<proofs/seed.md#own>) [g](../)\n";
        assert_eq!(lines(text), Vec::<String>::new());
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(lines("`[a](b.md)`\n```\n[a](b.md)\n```\n"), Vec::<String>::new());
    }
}
