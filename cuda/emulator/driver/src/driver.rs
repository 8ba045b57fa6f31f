//! The driver's state.

#![allow(unsafe_code)]

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    ffi::c_void,
    slice,
    sync::{LazyLock, Mutex, PoisonError},
};

use emulator::{Fault, Kernel, Launch};

use crate::{memory::Memory, result::Code, settings::Settings};

/// Multiprocessors of the device.
pub(crate) const MULTIPROCESSORS: u32 = 4;
/// Threads that each holds: few, because each is a coroutine.
const RESIDENT_THREADS: u32 = 512;

thread_local! {
    /// Whether the context is the calling thread's.
    pub(crate) static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
}

static DRIVER: LazyLock<Result<Mutex<Driver>, String>> =
    LazyLock::new(|| Settings::read().map(|settings| Mutex::new(Driver::new(settings))));

/// Objects that the program knows by handles.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Table<T> {
    const fn new() -> Self {
        Self { entries: BTreeMap::new(), next: 1 }
    }

    pub(crate) fn insert(&mut self, entry: T) -> usize {
        let handle = self.next;
        self.next += 1;
        self.entries.insert(handle, entry);
        handle
    }

    pub(crate) fn get(&mut self, handle: usize) -> Result<&mut T, Code> {
        self.entries.get_mut(&handle).ok_or(Code::INVALID_HANDLE)
    }

    pub(crate) fn remove(&mut self, handle: usize) -> Result<T, Code> {
        self.entries.remove(&handle).ok_or(Code::INVALID_HANDLE)
    }
}

/// A kernel with the values of its arguments.
#[derive(Clone)]
pub(crate) struct Started {
    kernel: Kernel,
    grid: u32,
    block: u32,
    /// As bytes, aligned as any type.
    arguments: Vec<Box<[u128]>>,
}

/// A stream: what it captures, if it does.
pub(crate) type Stream = Option<Graph>;
/// Launches, one after the other.
pub(crate) type Graph = Vec<Started>;

pub(crate) struct Driver {
    pub(crate) settings: Settings,
    pub(crate) is_initialized: bool,
    /// How often the context was retained.
    pub(crate) retained: u32,
    /// What a kernel, or a test, made of the context.
    fault: Option<Code>,
    calls: HashMap<&'static str, u64>,
    launches: u64,
    pub(crate) memory: Memory,
    /// Modules: there is nothing to know of them.
    pub(crate) modules: Table<()>,
    pub(crate) functions: Table<Kernel>,
    pub(crate) streams: Table<Stream>,
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
            modules: Table::new(),
            functions: Table::new(),
            streams: Table::new(),
            graphs: Table::new(),
            programs: Table::new(),
        }
    }

    /// Gives back all that a context has.
    pub(crate) fn reset(&mut self) {
        self.fault = None;
        self.memory = Memory::default();
        self.modules = Table::new();
        self.functions = Table::new();
        self.streams = Table::new();
        self.graphs = Table::new();
        self.programs = Table::new();
    }

    /// Whether this call is one that a test wants to fail.
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

    /// That the calling thread has a context, and no kernel in it failed.
    fn context(&mut self) -> Result<(), Code> {
        if !self.is_initialized {
            return Err(Code::NOT_INITIALIZED);
        }
        if self.retained == 0 || !IS_CURRENT.get() {
            return Err(Code::INVALID_CONTEXT);
        }
        self.fault.map_or(Ok(()), Err)
    }

    /// Blocks of so many threads that a multiprocessor holds.
    pub(crate) fn resident_blocks(threads: u32) -> u32 {
        RESIDENT_THREADS.checked_div(threads).unwrap_or(0)
    }

    /// Starts a kernel, or keeps it where the stream captures.
    ///
    /// # Safety
    ///
    /// `arguments` are the addresses of values of the kernel's parameters.
    pub(crate) unsafe fn launch(
        &mut self,
        function: usize,
        (grid, block): (u32, u32),
        cooperative: bool,
        stream: usize,
        arguments: *const *const c_void,
    ) -> Result<(), Code> {
        let kernel = *self.functions.get(function)?;
        if grid == 0 || !(1..=1024).contains(&block) {
            return Err(Code::INVALID_VALUE);
        }
        if cooperative && grid > MULTIPROCESSORS * Self::resident_blocks(block) {
            return Err(Code::COOPERATIVE_LAUNCH_TOO_LARGE);
        }
        let sizes = kernel.param_sizes();
        if arguments.is_null() && !sizes.is_empty() {
            return Err(Code::INVALID_VALUE);
        }
        let arguments = sizes.iter().enumerate().map(|(index, &size)| {
            let mut copy = vec![0_u128; size.div_ceil(size_of::<u128>())].into_boxed_slice();
            // SAFETY: the caller promises as many addresses, each of a value of this size; the copy has room for it.
            unsafe { (*arguments.add(index)).cast::<u8>().copy_to_nonoverlapping(copy.as_mut_ptr().cast(), size) };
            copy
        });
        let started = Started { kernel, grid, block, arguments: arguments.collect() };
        match self.streams.get(stream)? {
            Some(graph) => graph.push(started),
            None => self.run(&started),
        }
        Ok(())
    }

    /// Runs a kernel. Its fault is kept for the next call that asks.
    pub(crate) fn run(&mut self, started: &Started) {
        if self.fault.is_some() {
            return;
        }
        let &Started { kernel, grid, block, .. } = started;
        let seed = self.settings.seed.wrapping_mul(1 << 32).wrapping_add(self.launches);
        self.launches += 1;
        let addresses: Vec<_> = started.arguments.iter().map(|value| value.as_ptr().cast_mut().cast()).collect();
        let shape = Launch { grid, block, seed };
        // SAFETY: the values are those that the program gave, which promises what the kernel reaches by them.
        if let Err(fault) = unsafe { emulator::launch(kernel, &shape, &addresses) } {
            self.fail(&fault);
        }
    }

    fn fail(&mut self, fault: &Fault) {
        eprintln!("emulated driver: {fault}");
        self.fault = Some(Code::LAUNCH_FAILED);
    }
}

/// What a function needs before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Initialized,
    Context,
}

/// Does a call of `function`, unless a test wants it to fail.
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

/// The first bytes of a fat binary, which is all of it that counts here.
pub(crate) fn is_fat_binary(image: *const u8) -> bool {
    const MAGIC: u32 = 0xBA55_ED50;
    // SAFETY: a module's image has a header of 16 bytes.
    !image.is_null() && unsafe { slice::from_raw_parts(image, size_of_val(&MAGIC)) } == MAGIC.to_le_bytes()
}
