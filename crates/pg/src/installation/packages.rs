//! The command that installs a missing part on this kind of system.

use camino::Utf8Path;

/// A family of systems with one package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Debian,
    Fedora,
    Suse,
    Alpine,
    Arch,
    Mac,
    Unknown,
}

/// Returns the command that installs a PostgreSQL server with its contrib modules.
pub fn install_postgres(major: Option<u32>) -> String {
    let system = this_system();
    let with = |before: &str, after: &str| {
        major.map_or_else(|| format!("{before}{after}"), |major| format!("{before}-{major}{after}"))
    };
    let packages = match system {
        System::Debian => match major {
            Some(major) => format!("postgresql-{major} postgresql-client-{major}"),
            None => "postgresql postgresql-contrib".to_owned(),
        },
        System::Fedora | System::Suse => "postgresql-server postgresql-contrib".to_owned(),
        System::Alpine => match major {
            Some(major) => format!("postgresql{major} postgresql{major}-contrib"),
            None => "postgresql postgresql-contrib".to_owned(),
        },
        System::Arch => "postgresql".to_owned(),
        System::Mac => format!("postgresql@{}", major.unwrap_or(17)),
        System::Unknown => return with("install PostgreSQL", " from https://www.postgresql.org/download/"),
    };
    command(system, &packages)
}

/// Returns the command that installs a program by the name of its package.
pub fn install_command(package: &str) -> String {
    match this_system() {
        System::Unknown => format!("install {package} with your system's package manager"),
        system => command(system, package),
    }
}

/// Returns how to install an extension of others for a major version of the server.
pub fn install_extension(name: &str, major: u32) -> String {
    match this_system() {
        System::Debian => command(System::Debian, &format!("postgresql-{major}-{name}")),
        _ => format!("install {name} for PostgreSQL {major}, by its package or with PGXS"),
    }
}

fn command(system: System, packages: &str) -> String {
    let sudo = if nix::unistd::geteuid().is_root() { "" } else { "sudo " };
    match system {
        System::Debian => format!("{sudo}apt-get install -y {packages}"),
        System::Fedora => format!("{sudo}dnf install -y {packages}"),
        System::Suse => format!("{sudo}zypper install -y {packages}"),
        System::Alpine => format!("{sudo}apk add {packages}"),
        System::Arch => format!("{sudo}pacman -S --noconfirm {packages}"),
        System::Mac => format!("brew install {packages}"),
        System::Unknown => format!("install {packages}"),
    }
}

fn this_system() -> System {
    if cfg!(target_os = "macos") {
        return System::Mac;
    }
    let release = Utf8Path::new("/etc/os-release");
    fs_err::read_to_string(release).map_or(System::Unknown, |text| system_of(&text))
}

/// Reads `ID` and `ID_LIKE` of os-release(5).
fn system_of(os_release: &str) -> System {
    let values = os_release.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key, "ID" | "ID_LIKE").then(|| value.trim_matches('"'))
    });
    let ids: Vec<&str> = values.flat_map(str::split_whitespace).collect();
    let known = |id: &&str| match *id {
        "debian" | "ubuntu" => Some(System::Debian),
        "fedora" | "rhel" | "centos" => Some(System::Fedora),
        "suse" | "opensuse" | "sles" => Some(System::Suse),
        "alpine" => Some(System::Alpine),
        "arch" => Some(System::Arch),
        _ => None,
    };
    ids.iter().find_map(known).unwrap_or(System::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_id_and_id_like() {
        assert_eq!(system_of("ID=debian\nVERSION_ID=\"12\""), System::Debian);
        assert_eq!(system_of("ID=linuxmint\nID_LIKE=\"ubuntu debian\""), System::Debian);
        assert_eq!(system_of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\""), System::Fedora);
        assert_eq!(system_of("ID=nixos"), System::Unknown);
    }

    #[test]
    fn commands_can_be_typed() {
        assert!(command(System::Fedora, "x").ends_with("dnf install -y x"));
        assert_eq!(command(System::Mac, "x"), "brew install x");
    }
}
