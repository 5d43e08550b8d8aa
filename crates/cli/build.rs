//! Lists the files of the reference systems for `underpin new --from`.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../systems").canonicalize()?;
    let mut source = String::from("&[\n");
    for system in entries(&root)? {
        if !system.join("underpin.toml").is_file() {
            continue;
        }
        let name = system.file_name().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(source, "    ({name:?}, &[")?;
        for file in files(&system)? {
            let inside = file.strip_prefix(&system)?;
            writeln!(source, "        ({:?}, include_str!({:?})),", inside.display(), file.display())?;
        }
        source.push_str("    ]),\n");
    }
    source.push_str("]\n");
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("systems.rs"), source)?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Returns the files at and below a folder. Folders of caches are nobody's project: neither they nor a folder that
/// holds one is watched, or every proof would make the next build start anew.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Returns what lies in a folder, sorted without `.underpin`.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let listed = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = listed.collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.file_name().is_none_or(|name| name != ".underpin"));
    paths.sort();
    Ok(paths)
}
