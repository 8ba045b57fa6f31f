//! The threads, locks and atomic numbers of the standard library; in a build with `--cfg loom` those of loom, which tries their orders.

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

    /// The threads cannot be started.
    pub use rayon::ThreadPoolBuildError as StartError;

    /// Looks between two at the clock.
    pub const LOOKS: usize = 16;

    /// Threads beside the caller's.
    #[derive(Debug)]
    pub struct Helpers {
        _pool: ThreadPool,
    }

    impl Helpers {
        /// Starts so many threads, each of which serves with its index.
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

    /// The threads cannot be started.
    pub type StartError = io::Error;

    /// A second look would see what the first may.
    pub const LOOKS: usize = 1;

    /// Nothing: loom tries every order of the threads as it is.
    pub fn spin_loop() {}

    /// A clock by which each thread that spins has lost its patience.
    pub struct Instant;

    impl Instant {
        /// Returns the only instant.
        pub fn now() -> Self {
            Self
        }

        /// Longer than any patience.
        pub fn elapsed(&self) -> Duration {
            Duration::MAX
        }
    }

    /// Threads beside the caller's. They have ended when this is dropped.
    #[derive(Debug)]
    pub struct Helpers(Vec<JoinHandle<()>>);

    impl Helpers {
        /// Starts so many threads, each of which serves with its index.
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
