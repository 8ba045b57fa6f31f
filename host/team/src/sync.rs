//! The threads, locks and atomic numbers of the standard library. In a build with `--cfg loom`, they are loom's, which tries their orders.

pub use system::*;

#[cfg(not(loom))]
mod system {
    pub use std::{
        hint::spin_loop,
        sync::{
            Arc, Condvar, Mutex,
            atomic::{AtomicBool, AtomicUsize, fence},
        },
        time::Instant,
    };

    use rayon::{ThreadPool, ThreadPoolBuilder};

    /// The error of threads that cannot be started.
    pub use rayon::ThreadPoolBuildError as StartError;

    /// The number of looks at the number between two looks at the clock.
    pub const LOOKS: usize = 16;

    /// The threads other than the caller's.
    #[derive(Debug)]
    pub struct Helpers {
        _pool: ThreadPool,
    }

    impl Helpers {
        /// Starts this number of threads. Each calls `serve` with its index.
        pub fn start(count: usize, serve: impl Fn(usize) + Clone + Send + Sync + 'static) -> Result<Self, StartError> {
            let pool = ThreadPoolBuilder::new().num_threads(count).build()?;
            pool.spawn_broadcast(move |helper| serve(helper.index()));
            Ok(Self { _pool: pool })
        }
    }

    /// A cell with loom's interface.
    #[derive(Default)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Reads the cell.
        pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Writes the cell.
        pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(loom)]
mod system {
    use std::{io, time::Duration};

    use loom::thread::{self, JoinHandle};

    pub use loom::{
        cell::UnsafeCell,
        sync::{
            Arc, Condvar, Mutex,
            atomic::{AtomicBool, AtomicUsize, fence},
        },
    };

    /// The error of threads that cannot be started.
    pub type StartError = io::Error;

    /// Between two looks at the clock, one look is enough: a second one would see what the first one may see.
    pub const LOOKS: usize = 1;

    /// Does nothing: loom tries every order of the threads anyway.
    pub fn spin_loop() {}

    /// A clock for which every spinning thread has waited long enough.
    pub struct Instant;

    impl Instant {
        /// Returns the only instant.
        pub fn now() -> Self {
            Self
        }

        /// Returns a time that is longer than any patience.
        pub fn elapsed(&self) -> Duration {
            Duration::MAX
        }
    }

    /// The threads other than the caller's. They have ended when this value is dropped.
    #[derive(Debug)]
    pub struct Helpers(Vec<JoinHandle<()>>);

    impl Helpers {
        /// Starts this number of threads. Each calls `serve` with its index.
        pub fn start(count: usize, serve: impl Fn(usize) + Clone + Send + Sync + 'static) -> Result<Self, StartError> {
            let start = |helper| {
                let serve = serve.clone();
                thread::Builder::new().spawn(move || serve(helper))
            };
            Ok(Self((0..count).map(start).collect::<io::Result<_>>()?))
        }
    }

    impl Drop for Helpers {
        fn drop(&mut self) {
            for helper in self.0.drain(..) {
                helper.join().expect("a helper ends");
            }
        }
    }
}
