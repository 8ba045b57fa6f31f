//! The team's protocol in many orders of its threads, and with every value that a thread may see.
//!
//! loom runs each model once for each order. For two threads at a gate these are all orders, and otherwise all orders with a limited number of
//! interruptions. It fails if an access to a cell can meet a write, if a thread waits for ever, or if a thread or its shared data is still there at
//! the end.

use std::panic::{self, AssertUnwindSafe};

use loom::{model::Builder, thread};

use super::*;
use crate::sync::AtomicUsize;

/// Runs a model. If `preemptions` is given, threads are interrupted at most this often, because all orders would take hours.
fn model(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(model);
}

fn team(threads: usize) -> Team {
    Team::new(NonZero::new(threads).unwrap()).unwrap()
}

/// A number without a lock.
#[derive(Default)]
struct Plain(UnsafeCell<usize>);

// SAFETY: loom fails a model in which two threads use it at once.
unsafe impl Sync for Plain {}

impl Plain {
    fn get(&self) -> usize {
        // SAFETY: loom fails a model in which another thread writes it meanwhile.
        self.0.with(|number| unsafe { *number })
    }

    fn set(&self, to: usize) {
        // SAFETY: loom fails a model in which another thread uses it meanwhile.
        self.0.with_mut(|number| unsafe { *number = to });
    }
}

/// Each part reads what the caller wrote, and the caller reads what each part wrote.
fn works(team: &Team, rounds: usize) {
    let (input, results) = (Plain::default(), (0..team.threads()).map(|_| Plain::default()).collect::<Vec<_>>());
    for round in 1..=rounds {
        input.set(round);
        team.run(&|thread| results[thread].set(input.get() + thread));
        for (thread, result) in results.iter().enumerate() {
            assert_eq!(result.get(), round + thread);
        }
    }
}

#[test]
fn a_helper_sees_the_work_and_the_caller_its_results() {
    model(Some(3), || works(&team(2), 1));
    model(Some(2), || works(&team(2), 2));
}

#[test]
fn two_helpers_see_the_work_and_the_caller_both_results() {
    model(Some(2), || works(&team(3), 1));
}

/// The caller unwinds after the helper is done with what the caller owns, and the next work is done.
#[test]
fn a_panic_on_any_thread_reaches_the_caller_after_all_are_done() {
    for culprit in 0..2 {
        model(Some(2), move || {
            let team = team(2);
            let (input, result) = (Plain::default(), Plain::default());
            let run = panic::catch_unwind(AssertUnwindSafe(|| {
                team.run(&|thread| {
                    if thread == 1 {
                        result.set(1 + input.get());
                    }
                    if thread == culprit {
                        // Without a message, which each order of the threads would print.
                        panic::resume_unwind(Box::new(()));
                    }
                });
            }));
            assert!(run.is_err());
            input.set(result.get());
            works(&team, 1);
        });
    }
}

#[test]
fn callers_take_turns() {
    model(Some(2), || {
        let team = Arc::new(team(2));
        let other = thread::spawn({
            let team = Arc::clone(&team);
            move || works(&team, 1)
        });
        works(&team, 1);
        other.join().unwrap();
    });
}

#[test]
fn a_team_without_work_ends() {
    model(None, || drop(team(2)));
    model(Some(2), || drop(team(3)));
}

/// The gate alone, in all orders: no sleeper misses the change.
#[test]
fn whoever_sleeps_at_a_gate_is_woken() {
    for sleepers in 1..=2 {
        model((sleepers > 1).then_some(3), move || {
            let gate = Arc::new(Gate::default());
            let (written, woken) = (Arc::new(Plain::default()), Arc::new(AtomicUsize::default()));
            let start = |_| {
                let (gate, written, woken) = (Arc::clone(&gate), Arc::clone(&written), Arc::clone(&woken));
                thread::spawn(move || {
                    assert_eq!(gate.wait(PATIENCE, |number| number > 0), 1);
                    assert_eq!(written.get(), 7);
                    woken.fetch_add(1, Relaxed);
                })
            };
            let threads: Vec<_> = (0..sleepers).map(start).collect();
            written.set(7);
            gate.number.fetch_add(1, Release);
            gate.open();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(woken.load(Relaxed), sleepers);
        });
    }
}
