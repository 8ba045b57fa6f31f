//! The driver's state.

#![allow(unsafe_code)]

use std::{
    cell::Cell,
    collections::HashMap,
    slice,
    sync::{LazyLock, Mutex, PoisonError},
};

use emulator::{Fault, Kernel};

use crate::{
    launch::Graph,
    memory::Memory,
    queue::{Event, Stream},
    result::Code,
    settings::Settings,
    table::Table,
};

/// The number of multiprocessors of the device.
pub(crate) const MULTIPROCESSORS: u32 = 4;

thread_local! {
    /// True if the context is the calling thread's.
    pub(crate) static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
}

static DRIVER: LazyLock<Result<Mutex<Driver>, String>> =
    LazyLock::new(|| Settings::read().map(|settings| Mutex::new(Driver::new(settings))));

pub(crate) struct Driver {
    pub(crate) settings: Settings,
    pub(crate) is_initialized: bool,
    /// The number of times that the context was retained.
    pub(crate) retained: u32,
    /// The error that a kernel or a test left in the context.
    fault: Option<Code>,
    calls: HashMap<&'static str, u64>,
    launches: u64,
    pub(crate) memory: Memory,
    /// Pinned memory of the host.
    pub(crate) pinned: Memory,
    /// The modules. They have no data.
    pub(crate) modules: Table<()>,
    pub(crate) functions: Table<Kernel>,
    pub(crate) streams: Table<Stream>,
    pub(crate) events: Table<Event>,
    pub(crate) graphs: Table<Graph>,
    pub(crate) programs: Table<Graph>,
}

impl Driver {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_initialized: false,
            retained: 0,
            fault: None,
            calls: HashMap::new(),
            launches: 0,
            memory: Memory::default(),
            pinned: Memory::default(),
            modules: Table::new(),
            functions: Table::new(),
            streams: Table::new(),
            events: Table::new(),
            graphs: Table::new(),
            programs: Table::new(),
        }
    }

    /// Frees everything that a context has, and drops the work that was not waited for.
    pub(crate) fn reset(&mut self) {
        self.fault = None;
        self.memory = Memory::default();
        self.pinned = Memory::default();
        self.modules = Table::new();
        self.functions = Table::new();
        self.streams = Table::new();
        self.events = Table::new();
        self.graphs = Table::new();
        self.programs = Table::new();
    }

    /// Returns an error if this call is one that a test wants to fail.
    fn injected(&mut self, function: &'static str) -> Result<(), Code> {
        let call = self.calls.entry(function).or_default();
        *call += 1;
        let mut failures = self.settings.failures.iter();
        let Some(failure) = failures.find(|failure| failure.function == function && failure.call == *call) else {
            return Ok(());
        };
        if failure.code.is_sticky() {
            self.fault = Some(failure.code);
        }
        Err(failure.code)
    }

    /// Starts the count of calls again.
    #[cfg(test)]
    pub(crate) fn forget_calls(&mut self) {
        self.calls.clear();
    }

    /// Checks that the calling thread has a context, and that no kernel in it has failed.
    fn context(&mut self) -> Result<(), Code> {
        if !self.is_initialized {
            return Err(Code::NOT_INITIALIZED);
        }
        if self.retained == 0 || !IS_CURRENT.get() {
            return Err(Code::INVALID_CONTEXT);
        }
        self.intact()
    }

    /// Reports what a kernel did wrong, and notes that it failed.
    pub(crate) fn fail(&mut self, fault: &Fault) {
        eprintln!("emulated driver: {fault}");
        self.fault = Some(Code::LAUNCH_FAILED);
    }

    /// Checks that no kernel has failed.
    pub(crate) fn intact(&self) -> Result<(), Code> {
        self.fault.map_or(Ok(()), Err)
    }

    /// Returns the seed of the next launches' order.
    pub(crate) fn next_seed(&mut self) -> u64 {
        self.launches += 1;
        self.settings.seed.wrapping_mul(1 << 32).wrapping_add(self.launches - 1)
    }
}

/// The conditions that a function checks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Initialized,
    Context,
}

/// Runs a call of `function`, unless a test wants it to fail.
pub(crate) fn call(function: &'static str, needs: Needs, body: impl FnOnce(&mut Driver) -> Result<(), Code>) -> Code {
    let mut driver = match &*DRIVER {
        Ok(driver) => driver.lock().unwrap_or_else(PoisonError::into_inner),
        Err(wrong) => {
            eprintln!("emulated driver: {wrong}");
            return Code::UNKNOWN;
        }
    };
    let result = driver.injected(function).and_then(|()| match needs {
        Needs::Initialized if !driver.is_initialized => Err(Code::NOT_INITIALIZED),
        Needs::Nothing | Needs::Initialized => Ok(()),
        Needs::Context => driver.context(),
    });
    result.and_then(|()| body(&mut driver)).err().unwrap_or(Code::SUCCESS)
}

/// Returns true if the bytes begin as a fat binary does. The rest of a fat binary is not used here.
pub(crate) fn is_fat_binary(image: *const u8) -> bool {
    const MAGIC: u32 = 0xBA55_ED50;
    // SAFETY: a module's image has a header of 16 bytes.
    !image.is_null() && unsafe { slice::from_raw_parts(image, size_of_val(&MAGIC)) } == MAGIC.to_le_bytes()
}
