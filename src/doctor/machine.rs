//! The machine: its clock, its limits, its memory.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use ozg_protocols::moment::Moment;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::config::Config;

/// Open files that a busy server wants: journals, blobs, and a few thousand connections.
const FILES: u64 = 8192;
/// Memory beside the cache, in MiB.
const BESIDE_THE_CACHE: u64 = 512;
/// How far the clock may lag behind what was written before (law 7: timers stand still then).
const LAG: Duration = Duration::from_secs(3600);

/// Looks at the machine.
pub(super) fn examine(config: &Config, now: Moment) -> Vec<Finding> {
    let executable = std::env::current_exe().ok();
    let witnesses = executable.as_deref().into_iter().chain([config.server.data_dir.as_path()]);
    vec![
        clock(now, witnesses.filter_map(changed).max()),
        files(getrlimit(Resource::Nofile).current),
        memory(available_mib(), config.storage.cache_mib),
    ]
}

fn changed(path: &Path) -> Option<Moment> {
    let at = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    Some(Moment::default().plus(at.duration_since(SystemTime::UNIX_EPOCH).ok()?))
}

fn clock(now: Moment, written: Option<Moment>) -> Finding {
    let behind = written.map(|written| written.since(now)).unwrap_or_default();
    if behind > LAG {
        let what = format!("Uhr: geht {} Minuten nach dem, was hier schon geschrieben wurde", behind.as_secs() / 60);
        Finding::error(what, "Zeitabgleich einrichten (systemd-timesyncd oder chrony); bis dahin stehen alle Fristen")
    } else {
        Finding::good("Uhr: nicht hinter dem, was hier schon geschrieben wurde")
    }
}

fn files(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < FILES => {
            let what = format!("Offene Dateien: höchstens {limit}");
            Finding::warning(what, format!("LimitNOFILE={FILES} in der systemd-Unit setzen, oder `ulimit -n {FILES}`"))
        }
        Some(limit) => Finding::good(format!("Offene Dateien: höchstens {limit}")),
        None => Finding::good("Offene Dateien: unbegrenzt"),
    }
}

fn memory(available: Option<u64>, cache_mib: u64) -> Finding {
    let wanted = cache_mib.saturating_add(BESIDE_THE_CACHE);
    match available {
        Some(available) if available < wanted => {
            let what = format!("Speicher: {available} MiB verfügbar, {wanted} MiB wären angemessen");
            Finding::warning(what, "mehr Speicher geben, oder `storage.cache_mib` senken")
        }
        Some(available) => Finding::good(format!("Speicher: {available} MiB verfügbar")),
        None => Finding::warning("Speicher: nicht festzustellen", "mit `free -m` nachsehen"),
    }
}

/// What this process may still use, in MiB: what the machine has free, or less if its control group says so.
fn available_mib() -> Option<u64> {
    let kib = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(mem_available)?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    Some(group.map_or(kib >> 10, |bytes| (kib >> 10).min(bytes >> 20)))
}

/// `MemAvailable` of `/proc/meminfo`, in KiB (proc_meminfo(5)).
fn mem_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_clock_behind_what_was_written_is_an_error_after_an_hour() {
        let now = Moment::from_seconds(1_000_000);
        assert_eq!(clock(now, Some(now.plus(LAG))).severity, Severity::Good);
        assert_eq!(clock(now, Some(now.plus(LAG + Duration::from_secs(1)))).severity, Severity::Error);
    }

    #[test]
    fn few_files_and_little_memory_are_warnings() {
        assert_eq!(files(Some(1024)).severity, Severity::Warning);
        assert_eq!(files(None).severity, Severity::Good);
        assert_eq!(memory(Some(700), 256).severity, Severity::Warning);
        assert_eq!(memory(Some(768), 256).severity, Severity::Good);
    }

    #[test]
    fn available_memory_is_read_from_meminfo() {
        assert_eq!(mem_available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2048));
        assert_eq!(mem_available("MemTotal: 9 kB\n"), None);
    }
}
