//! Tests of the team with this machine's threads, under Miri and under a sanitizer.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

use super::*;

fn team(threads: usize) -> Team {
    Team::new(NonZero::new(threads).unwrap()).unwrap()
}

/// The largest number of threads. There are fewer under Miri, which is slow and tries many schedules.
const MOST_THREADS: usize = if cfg!(miri) { 3 } else { 8 };
const ROUNDS: u64 = if cfg!(miri) { 6 } else { 50 };

#[test]
fn every_thread_works_once_each_time_awake_or_asleep() {
    for threads in 1..=MOST_THREADS {
        let (team, counts) = (team(threads), (0..threads).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
        for round in 0..ROUNDS {
            if round == ROUNDS / 2 {
                thread::sleep(Duration::from_millis(20));
            }
            team.run(&|thread| _ = counts[thread].fetch_add(1, SeqCst));
        }
        assert!(counts.iter().all(|count| count.load(SeqCst) == ROUNDS), "{threads} threads: {counts:?}");
    }
}

#[test]
fn a_panic_on_any_thread_reaches_the_caller_and_the_team_goes_on() {
    let team = team(3);
    for culprit in 0..3 {
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            team.run(&|thread| assert_ne!(thread, culprit, "this panic is part of the test"));
        }));
        assert!(result.is_err(), "thread {culprit}");
    }
    assert!(panic::catch_unwind(AssertUnwindSafe(|| team.run(&|_| panic!("this panic is part of the test")))).is_err());
    team.run(&|_| {});
}
