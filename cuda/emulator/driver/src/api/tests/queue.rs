//! The order in which a stream's work runs.

use super::{
    super::{
        memory::{cuMemFree_v2, cuMemFreeHost, cuMemsetD8Async},
        stream::{
            cuEventCreate, cuEventDestroy_v2, cuEventRecord, cuEventSynchronize, cuStreamBeginCapture_v2,
            cuStreamDestroy_v2,
        },
    },
    *,
};

#[test]
fn pinned_memory_is_copied_when_something_waits() {
    let Some(session) = Session::new() else { return };
    let (first, second) = (session.row(0), session.row(0));
    let (from, to) = (Pinned::new(), Pinned::new());
    from.set(1);
    to.set(9);
    ok(session.to_device(first, from.0));
    ok(session.link(first, second, 0, false));
    ok(session.to_host(to.0, second));
    assert_eq!(to.numbers(), [ONES; LEN], "nothing has come yet");
    // It is used again too early, and the other number is what arrives.
    from.set(5);
    ok(session.wait());
    assert_eq!(to.numbers(), [6; LEN]);
    from.set(7);
    ok(session.wait());
    assert_eq!(to.numbers(), [6; LEN], "all is done once");
}

#[test]
fn other_memory_is_copied_at_once_and_after_what_comes_before() {
    let Some(session) = Session::new() else { return };
    let (first, second, to) = (session.row(1), session.row(0), Pinned::new());
    ok(session.link(first, second, 0, false));
    ok(session.to_host(to.0, second));
    let mut numbers = [3; LEN];
    ok(session.to_device(first, numbers.as_ptr()));
    assert_eq!(to.numbers(), [2; LEN]);
    numbers.fill(4);
    assert_eq!(session.numbers(first), [3; LEN]);
}

#[test]
fn bytes_are_set_in_their_turn() {
    let Some(session) = Session::new() else { return };
    let (row, to) = (session.row(1), Pinned::new());
    ok(cuMemsetD8Async(row, 2, BYTES, session.stream));
    ok(session.to_host(to.0, row));
    ok(cuMemsetD8Async(row, 3, BYTES, session.stream));
    assert_eq!(session.wait(), Code::SUCCESS);
    assert_eq!(to.numbers(), [0x0202_0202; LEN]);
    assert_eq!(session.numbers(row), [0x0303_0303; LEN]);
    assert_eq!(cuMemsetD8Async(row, 3, BYTES + 1, session.stream), Code::INVALID_VALUE);
}

#[test]
fn what_a_copy_reads_stays_until_it_is_made() {
    let Some(session) = Session::new() else { return };
    let (row, both) = (session.row(1), Pinned::new());
    both.set(5);
    ok(session.to_device(row, both.0));
    ok(session.to_host(both.0, row));
    ok(session.wait());
    assert_eq!(session.numbers(row), [5; LEN]);
}

#[test]
fn an_event_is_waited_for_and_nothing_behind_it() {
    let Some(session) = Session::new() else { return };
    let (row, early, late) = (session.row(1), Pinned::new(), Pinned::new());
    let event = get(|out| cuEventCreate(out, 0));
    ok(cuEventSynchronize(event));
    ok(session.to_host(early.0, row));
    ok(cuEventRecord(event, session.stream));
    ok(session.to_host(late.0, row));
    ok(cuEventSynchronize(event));
    assert_eq!((early.numbers(), late.numbers()), ([1; LEN], [ONES; LEN]));
    // There is nothing more to wait for.
    ok(cuEventSynchronize(event));
    assert_eq!(late.numbers(), [ONES; LEN]);
    // The last record counts.
    ok(cuEventRecord(event, session.stream));
    ok(session.to_host(early.0, row));
    ok(cuEventRecord(event, session.stream));
    ok(cuEventSynchronize(event));
    assert_eq!((early.numbers(), late.numbers()), ([1; LEN], [1; LEN]));

    ok(cuEventRecord(event, session.stream));
    ok(cuStreamDestroy_v2(session.stream));
    ok(cuEventSynchronize(event));
    ok(cuEventDestroy_v2(event));
    assert_eq!(cuEventSynchronize(event), Code::INVALID_HANDLE);
}

#[test]
fn memory_is_given_back_after_all_that_uses_it() {
    let Some(session) = Session::new() else { return };
    let (first, second) = (session.row(1), session.row(0));
    let (from, to) = (Pinned::new(), Pinned::new());
    from.set(3);
    ok(session.to_device(first, from.0));
    ok(session.link(first, second, 0, false));
    ok(session.to_host(to.0, second));
    ok(cuMemFreeHost(from.0 as u64));
    assert_eq!(to.numbers(), [4; LEN]);
    ok(session.link(second, first, 0, false));
    ok(session.to_host(to.0, first));
    ok(cuMemFree_v2(second));
    assert_eq!(to.numbers(), [5; LEN]);
    assert_eq!(cuMemFreeHost(from.0 as u64), Code::INVALID_VALUE);
    assert_eq!(cuMemFree_v2(second), Code::INVALID_VALUE);
}

#[test]
fn a_stream_ends_after_its_work() {
    let Some(session) = Session::new() else { return };
    let (row, to) = (session.row(1), Pinned::new());
    ok(session.to_host(to.0, row));
    ok(cuStreamDestroy_v2(session.stream));
    assert_eq!(to.numbers(), [1; LEN]);
    assert_eq!(session.wait(), Code::INVALID_HANDLE);
}

#[test]
fn memory_that_is_pinned_in_part_is_refused() {
    let Some(session) = Session::new() else { return };
    let (row, pinned) = (session.row(1), Pinned::new());
    assert_eq!(session.to_device(row, pinned.0.wrapping_add(1)), Code::INVALID_VALUE);
    assert_eq!(session.to_host(pinned.0.wrapping_sub(1), row), Code::INVALID_VALUE);
    ok(session.to_host(pinned.0, row));
}

#[test]
fn a_capture_takes_launches_alone() {
    let Some(session) = Session::new() else { return };
    let (row, pinned, event) = (session.row(1), Pinned::new(), get(|out| cuEventCreate(out, 0)));
    let mut numbers = [0; LEN];
    ok(cuStreamBeginCapture_v2(session.stream, 0));
    for code in [
        session.to_device(row, pinned.0),
        session.to_device(row, numbers.as_ptr()),
        session.to_host(pinned.0, row),
        session.to_host(numbers.as_mut_ptr(), row),
        cuMemsetD8Async(row, 0, BYTES, session.stream),
        cuEventRecord(event, session.stream),
        session.wait(),
    ] {
        assert_eq!(code, Code::STREAM_CAPTURE_UNSUPPORTED);
    }
    ok(session.link(row, row, 0, false));
}
