//! What a process takes of the machine, as the kernel counts it.

use std::fs;

/// `USER_HZ`, in which the kernel tells processor time to programs: 100 on every Linux.
const TICKS: f64 = 100.0;

/// Resident memory of a process in KiB.
#[must_use]
pub fn resident_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time that a process has used, with that of children it has waited for, in seconds.
#[must_use]
pub fn cpu_seconds(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program is in brackets and may contain anything: fields count from behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    // utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5), of which 3 is the first here.
    let times = fields.split_whitespace().skip(11).take(4);
    let ticks: Option<f64> = times.map(|field| field.parse::<f64>().ok()).sum();
    Some(ticks? / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time_and_memory() {
        let id = std::process::id();
        let before = cpu_seconds(id).expect("a figure");
        let mut sum = 0_u64;
        while cpu_seconds(id).expect("a figure") < before + 0.05 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(sum > 0 && resident_kib(id).is_some_and(|kib| kib > 500));
    }
}
