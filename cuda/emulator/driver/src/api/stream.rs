//! Streams, events and graphs.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_ulonglong};

use super::{Out, put};
use crate::{
    driver::{Needs, call},
    queue::{Event, Stream, Work},
    result::Code,
};

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamCreateWithPriority(stream: Out<'_, usize>, _flags: c_uint, _priority: c_int) -> Code {
    call("cuStreamCreateWithPriority", Needs::Context, |driver| put(stream, driver.streams.insert(Stream::default())))
}

/// Does all work that waits in the stream, and removes the stream.
#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamDestroy_v2(stream: usize) -> Code {
    call("cuStreamDestroy_v2", Needs::Context, |driver| {
        driver.streams.get(stream)?.capture = None;
        driver.wait(stream)?;
        driver.streams.remove(stream).map(drop)
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamSynchronize(stream: usize) -> Code {
    call("cuStreamSynchronize", Needs::Context, |driver| driver.wait(stream))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuEventCreate(event: Out<'_, usize>, _flags: c_uint) -> Code {
    call("cuEventCreate", Needs::Context, |driver| put(event, driver.events.insert(Event::default())))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuEventRecord(event: usize, stream: usize) -> Code {
    call("cuEventRecord", Needs::Context, |driver| driver.record(event, stream))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuEventSynchronize(event: usize) -> Code {
    call("cuEventSynchronize", Needs::Context, |driver| driver.wait_for_event(event))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuEventDestroy_v2(event: usize) -> Code {
    call("cuEventDestroy_v2", Needs::Context, |driver| driver.events.remove(event).map(drop))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamBeginCapture_v2(stream: usize, _mode: c_uint) -> Code {
    call("cuStreamBeginCapture_v2", Needs::Context, |driver| {
        let stream = driver.streams.get(stream)?;
        if stream.capture.replace(Vec::new()).is_some() { Err(Code::INVALID_VALUE) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuStreamEndCapture(stream: usize, graph: Out<'_, usize>) -> Code {
    call("cuStreamEndCapture", Needs::Context, |driver| {
        let launches = driver.streams.get(stream)?.capture.take().ok_or(Code::INVALID_VALUE)?;
        put(graph, driver.graphs.insert(launches.into()))
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGraphInstantiateWithFlags(
    program: Out<'_, usize>,
    graph: usize,
    _flags: c_ulonglong,
) -> Code {
    call("cuGraphInstantiateWithFlags", Needs::Context, |driver| {
        let launches = driver.graphs.get(graph)?.clone();
        put(program, driver.programs.insert(launches))
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGraphLaunch(program: usize, stream: usize) -> Code {
    call("cuGraphLaunch", Needs::Context, |driver| {
        let launches = driver.programs.get(program)?.clone();
        driver.enqueue(stream, Work::Graph(launches))
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGraphDestroy(graph: usize) -> Code {
    call("cuGraphDestroy", Needs::Context, |driver| driver.graphs.remove(graph).map(drop))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGraphExecDestroy(program: usize) -> Code {
    call("cuGraphExecDestroy", Needs::Context, |driver| driver.programs.remove(program).map(drop))
}
