//! Launches that overlap, in graphs and without.

use super::{
    super::memory::cuMemsetD8Async,
    super::stream::{cuEventCreate, cuEventRecord, cuGraphLaunch},
    *,
};

const TRIES: u32 = 60;

/// Two links of a chain, of which the second may begin early. Between them comes what `between` puts into the stream.
fn two_links(session: &Session, rows: [u64; 3], [first, second]: [u32; 2], between: impl FnOnce()) {
    ok(session.link(rows[0], rows[1], first, false));
    between();
    ok(session.link(rows[1], rows[2], second, true));
}

/// Counts how often the last of three rows is wrong, where `run` makes it by two links.
fn wrong(session: &Session, run: impl Fn([u64; 3])) -> u32 {
    let rows = [session.row(0), session.row(0), session.row(0)];
    (0..TRIES)
        .map(|index| {
            ok(session.to_device(rows[0], [10 * index; LEN].as_ptr()));
            run(rows);
            u32::from(session.numbers(rows[2]) != [10 * index + 2; LEN])
        })
        .sum()
}

#[test]
fn launches_with_the_attribute_overlap() {
    let Some(session) = Session::new() else { return };
    let links = |how| wrong(&session, |rows| two_links(&session, rows, how, || ()));
    assert_eq!(links([TRIGGERS_FIRST, WAITS]), 0);
    assert_eq!(links([0, 0]), 0);
    let wrong = links([TRIGGERS_FIRST, 0]);
    assert!((1..TRIES).contains(&wrong), "{wrong} of {TRIES}");
}

#[test]
fn the_attribute_counts_right_behind_a_launch_alone() {
    let Some(session) = Session::new() else { return };
    let (other, event) = (session.row(0), get(|out| cuEventCreate(out, 0)));
    let set = || ok(cuMemsetD8Async(other, 0, BYTES, session.stream));
    let record = || ok(cuEventRecord(event, session.stream));
    let how = [TRIGGERS_FIRST, 0];
    assert_eq!(wrong(&session, |rows| two_links(&session, rows, how, set)), 0);
    assert_eq!(wrong(&session, |rows| two_links(&session, rows, how, record)), 0);
    let plain = |rows: [u64; 3]| {
        ok(session.link(rows[0], rows[1], TRIGGERS_FIRST, true));
        ok(session.link(rows[1], rows[2], 0, false));
    };
    assert_eq!(wrong(&session, plain), 0);
}

#[test]
fn launches_of_a_graph_overlap() {
    let Some(session) = Session::new() else { return };
    let links = |how| {
        let rows = [session.row(0), session.row(0), session.row(0)];
        let program = session.graph(|| two_links(&session, rows, how, || ()));
        let tries = (0..TRIES).map(|index| {
            ok(session.to_device(rows[0], [10 * index; LEN].as_ptr()));
            ok(cuGraphLaunch(program, session.stream));
            u32::from(session.numbers(rows[2]) != [10 * index + 2; LEN])
        });
        tries.sum::<u32>()
    };
    assert_eq!(links([TRIGGERS_FIRST, WAITS]), 0);
    let wrong = links([TRIGGERS_FIRST, 0]);
    assert!((1..TRIES).contains(&wrong), "{wrong} of {TRIES}");
}

#[test]
fn graphs_do_not_overlap() {
    let Some(session) = Session::new() else { return };
    let one_by_one = |rows: [u64; 3]| {
        for pair in rows.windows(2) {
            let program = session.graph(|| ok(session.link(pair[0], pair[1], TRIGGERS_FIRST, true)));
            ok(cuGraphLaunch(program, session.stream));
        }
    };
    assert_eq!(wrong(&session, one_by_one), 0);
}

#[test]
fn a_graph_runs_when_something_waits() {
    let Some(session) = Session::new() else { return };
    let (from, row, to) = (session.row(1), session.row(0), Pinned::new());
    let program = session.graph(|| ok(session.link(from, row, 0, true)));
    ok(session.to_host(to.0, row));
    ok(session.wait());
    assert_eq!(to.numbers(), [0; LEN], "a capture runs nothing");
    ok(cuGraphLaunch(program, session.stream));
    ok(session.to_host(to.0, row));
    assert_eq!(to.numbers(), [ONES; LEN]);
    ok(session.wait());
    assert_eq!(to.numbers(), [2; LEN]);
}

/// Returns a launch of the kernel `one_leaves` by a configuration that is changed.
fn launch(session: &Session, change: impl FnOnce(&mut Config, &mut Attribute)) -> Code {
    let mut attribute = Attribute { id: Attribute::PROGRAMMATIC, padding: [0; 4], value: 1, rest: [0; 60] };
    let (grid, block) = ([1, 1, 1], [1, 1, 1]);
    let mut config = Config { grid, block, shared: 0, stream: session.stream, attributes: ptr::null(), count: 0 };
    change(&mut config, &mut attribute);
    if config.count > 0 {
        config.attributes = &raw const attribute;
    }
    // SAFETY: the kernel has no parameters.
    unsafe { cuLaunchKernelEx(Some(&config), function("one_leaves"), ptr::null(), ptr::null()) }
}

#[test]
fn configurations_that_are_refused() {
    let Some(session) = Session::new() else { return };
    ok(launch(&session, |_, _| ()));
    ok(launch(&session, |config, _| config.count = 1));
    let changes: [fn(&mut Config, &mut Attribute); 6] = [
        |config, attribute| (config.count, attribute.id) = (1, 2),
        |config, _| config.grid = [1, 2, 1],
        |config, _| config.grid = [0, 1, 1],
        |config, _| config.block = [1, 1, 2],
        |config, _| config.block = [1025, 1, 1],
        |config, _| config.shared = 4,
    ];
    for change in changes {
        assert_eq!(launch(&session, change), Code::INVALID_VALUE);
    }
    assert_eq!(launch(&session, |config, _| config.stream = 99), Code::INVALID_HANDLE);
    // SAFETY: nothing is read.
    let code = unsafe { cuLaunchKernelEx(None, session.link, ptr::null(), ptr::null()) };
    assert_eq!(code, Code::INVALID_VALUE);
}

#[test]
fn an_older_device_refuses_the_attribute() {
    let Some(session) = Session::new() else { return };
    with_driver(|driver| driver.settings.capability = 89);
    let code = launch(&session, |config, _| config.count = 1);
    with_driver(|driver| driver.settings.capability = 90);
    assert_eq!(code, Code::NOT_SUPPORTED);
}
