//! Calls that fail, by themselves or because a test wants it.

use std::ffi::CStr;

use super::{
    super::{
        device::{cuGetErrorName, cuGetErrorString},
        memory::cuMemFreeHost,
        stream::{cuEventCreate, cuEventDestroy_v2, cuEventRecord, cuEventSynchronize},
    },
    *,
};
use crate::settings::Failure;

/// Lets these calls fail, counted from now on.
fn fail(failures: &[&str]) {
    with_driver(|driver| {
        driver.forget_calls();
        driver.settings.failures = failures.iter().map(|text| Failure::parse(text).expect("it is one")).collect();
    });
}

#[test]
fn a_fault_shows_where_something_waits_and_stays() {
    let Some(session) = Session::new() else { return };
    let (row, to, event) = (session.row(1), Pinned::new(), get(|out| cuEventCreate(out, 0)));
    ok(cuEventRecord(event, session.stream));
    ok(session.launch(function("one_leaves"), false, &[]));
    ok(session.to_host(to.0, row));
    // The bytes before it are intact.
    ok(cuEventSynchronize(event));
    assert_eq!(session.wait(), Code::LAUNCH_FAILED);
    assert_eq!(to.numbers(), [ONES; LEN], "nothing runs behind it");
    for code in [session.wait(), session.to_host(to.0, row), cuEventSynchronize(event), cuMemFreeHost(to.0 as u64)] {
        assert_eq!(code, Code::LAUNCH_FAILED);
    }
}

#[test]
fn a_copy_that_waits_shows_a_fault() {
    let Some(session) = Session::new() else { return };
    let row = session.row(1);
    ok(session.launch(function("one_leaves"), false, &[]));
    assert_eq!(session.to_host([0; LEN].as_mut_ptr(), row), Code::LAUNCH_FAILED);
}

#[test]
fn calls_fail_as_a_test_wants() {
    let Some(session) = Session::new() else { return };
    let (row, event) = (session.row(1), get(|out| cuEventCreate(out, 0)));
    fail(&[
        "cuMemAllocHost_v2:1:CUDA_ERROR_OUT_OF_MEMORY",
        "cuMemFreeHost:1:12345",
        "cuEventCreate:1:46",
        "cuEventRecord:2:CUDA_ERROR_INVALID_HANDLE",
        "cuEventSynchronize:1:CUDA_ERROR_UNKNOWN",
        "cuEventDestroy_v2:1:CUDA_ERROR_NOT_SUPPORTED",
        "cuLaunchKernelEx:1:CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
    ]);
    assert_eq!(cuMemAllocHost_v2(None, BYTES), Code::OUT_OF_MEMORY);
    assert_eq!(cuMemFreeHost(0), Code(12345));
    assert_eq!(cuEventCreate(None, 0), Code::DEVICE_UNAVAILABLE);
    ok(cuEventRecord(event, session.stream));
    assert_eq!(cuEventRecord(event, session.stream), Code::INVALID_HANDLE);
    assert_eq!(cuEventSynchronize(event), Code::UNKNOWN);
    assert_eq!(cuEventDestroy_v2(event), Code::NOT_SUPPORTED);
    assert_eq!(session.link(row, row, 0, false), Code::LAUNCH_OUT_OF_RESOURCES);
    ok(cuEventSynchronize(event));
    ok(session.link(row, row, 0, false));
    ok(session.wait());
}

#[test]
fn some_results_stay() {
    for (code, stays) in
        [(214, true), (220, true), (226, true), (700, true), (719, true), (721, true), (46, false), (720, false)]
    {
        let Some(session) = Session::new() else { return };
        fail(&[&format!("cuStreamSynchronize:1:{code}")]);
        assert_eq!(session.wait(), Code(code));
        assert_eq!(session.wait(), if stays { Code(code) } else { Code::SUCCESS });
    }
}

#[test]
fn results_have_names() {
    let words = |code| {
        // SAFETY: what is found is a constant string.
        let text = |found| unsafe { CStr::from_ptr(found) }.to_str().expect("it is text");
        (text(get(|out| cuGetErrorName(code, out))), text(get(|out| cuGetErrorString(code, out))))
    };
    assert_eq!(words(Code::SUCCESS), ("CUDA_SUCCESS", "no error"));
    assert_eq!(words(Code(214)), ("CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"));
    assert_eq!(words(Code(721)).0, "CUDA_ERROR_TENSOR_MEMORY_LEAK");
    assert_eq!(cuGetErrorName(Code(12345), None), Code::INVALID_VALUE);
    assert!(Failure::parse("cuInit:1:CUDA_ERROR_NONE").is_none() && Failure::parse("cuInit:x:1").is_none());
}
