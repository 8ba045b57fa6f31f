//! Chooses the thread that runs next, in one launch or in several that overlap.

#![allow(unsafe_code)]

mod block;
mod grid;
mod room;
mod thread;

use fastrand::Rng;

use self::{
    grid::{Grid, Turn},
    room::Room,
};
use crate::launch::{Fault, Started};

/// The number of times that a thread may let others run, on average, while none of them returns and no barrier opens.
const PATIENCE: usize = 100_000;

/// The largest number of launches that run at a time.
const OVERLAPPING: usize = 4;

/// Runs launches in the order of a stream.
///
/// # Safety
///
/// The arguments of each launch are right for its kernel, and the memory that it reaches by them exists.
pub(crate) unsafe fn run(launches: &[Started<'_>], seed: u64) -> Result<(), Fault> {
    let mut random = Rng::with_seed(seed);
    let room = Room::new(launches, &mut random);
    let is_eager = random.bool();
    let pace = *random.choice(&PACES).unwrap_or(&1);
    let mut stream = Stream {
        launches,
        begun: 0,
        grids: Vec::new(),
        room,
        is_eager,
        ahead: Ahead::AtOnce,
        focus: Focus::All,
        pace,
        turns_left: 0,
        random,
    };
    let mut passed = 0;
    loop {
        stream.begin();
        let Some(place) = stream.draw() else {
            let is_complete = stream.grids.is_empty();
            return if is_complete { Ok(()) } else { Err(Fault::Deadlock { waiting: 0 }) };
        };
        // SAFETY: the caller's promise.
        match unsafe { stream.turn(place) }? {
            Turn::Progress => passed = 0,
            Turn::Warp => {}
            Turn::Passed => {
                passed += 1;
                let runnable = stream.runnable();
                if passed / PATIENCE > runnable {
                    return Err(Fault::Deadlock { waiting: runnable });
                }
            }
        }
    }
}

/// The time when a launch begins that may begin before others end.
#[derive(Clone, Copy, Debug)]
enum Ahead {
    /// It begins as soon as it may.
    AtOnce,
    /// It begins with a chance of 1 in this number, before each turn of a thread.
    Later(u32),
    /// It begins when the launch before is complete.
    AfterOne,
    /// It begins when all launches before are complete.
    AfterAll,
}

/// The grids whose threads get turns.
#[derive(Clone, Copy, Debug)]
enum Focus {
    All,
    /// Only the grid of this launch.
    One(usize),
}

/// The largest number of turns until another focus is drawn.
const PACES: [u32; 4] = [1, 16, 256, 4096];

/// The launches, of which some have begun.
struct Stream<'a> {
    launches: &'a [Started<'a>],
    /// The number of launches that have begun.
    begun: usize,
    /// The grids that have begun and are not complete, in their order.
    grids: Vec<Grid<'a>>,
    room: Room,
    /// True if each launch begins as soon as it may.
    is_eager: bool,
    /// The time when the next launch begins.
    ahead: Ahead,
    focus: Focus,
    pace: u32,
    /// The number of turns until another focus is drawn.
    turns_left: u32,
    random: Rng,
}

impl Stream<'_> {
    fn runnable(&self) -> usize {
        self.grids.iter().map(|grid| grid.runnable.len()).sum()
    }

    /// Returns the number of the launch's blocks for which there is room.
    fn free(&self, launch: &Started<'_>) -> u32 {
        self.room.blocks(launch.block, self.grids.iter().map(Grid::threads).sum())
    }

    /// Begins the launches that may begin and do.
    fn begin(&mut self) {
        while let Some(launch) = self.launches.get(self.begun)
            && self.begins(launch)
        {
            let window = self.room.window(self.free(launch), &mut self.random);
            let grid = Grid::begin(launch, self.begun, window, &mut self.random);
            self.grids.push(grid);
            self.begun += 1;
            self.ahead = match self.random.u8(..8) {
                _ if self.is_eager => Ahead::AtOnce,
                0..4 => Ahead::AtOnce,
                4..6 => Ahead::Later(1 << self.random.u32(1..=12)),
                6 => Ahead::AfterOne,
                _ => Ahead::AfterAll,
            };
        }
    }

    /// Returns true if the next launch may begin and does.
    fn begins(&mut self, launch: &Started<'_>) -> bool {
        let Some(last) = self.grids.last() else { return true };
        if !launch.programmatic || self.grids.len() == OVERLAPPING || self.free(launch) == 0 {
            return false;
        }
        let is_after_one = last.index + 1 < self.begun;
        if !is_after_one && last.untriggered > 0 {
            return false;
        }
        match self.ahead {
            Ahead::AtOnce => true,
            Ahead::Later(chances) => self.random.u32(..chances) == 0,
            Ahead::AfterOne => is_after_one,
            Ahead::AfterAll => false,
        }
    }

    /// Returns a grid whose thread gets the next turn, or `None` if no grid can continue.
    fn draw(&mut self) -> Option<usize> {
        if self.grids.len() < 2 {
            return self.grids.first().filter(|grid| !grid.runnable.is_empty()).map(|_| 0);
        }
        if self.turns_left == 0 {
            self.turns_left = self.random.u32(1..=self.pace);
            let one = self.grids[self.random.usize(..self.grids.len())].index;
            self.focus = if self.random.u8(..4) == 0 { Focus::All } else { Focus::One(one) };
        }
        self.turns_left -= 1;
        if let Focus::One(index) = self.focus
            && let Some(place) = self.grids.iter().position(|grid| grid.index == index)
            && !self.grids[place].runnable.is_empty()
        {
            return Some(place);
        }
        let runnable = self.runnable();
        if runnable == 0 {
            return None;
        }
        let mut thread = self.random.usize(..runnable);
        self.grids.iter().position(|grid| {
            let is_here = thread < grid.runnable.len();
            thread = thread.wrapping_sub(grid.runnable.len());
            is_here
        })
    }

    /// Runs a thread of this grid until it stops.
    ///
    /// # Safety
    ///
    /// The conditions of `run`.
    unsafe fn turn(&mut self, place: usize) -> Result<Turn, Fault> {
        let is_after = place > 0 && self.grids[place - 1].index + 1 == self.grids[place].index;
        let grid = &mut self.grids[place];
        let thread = self.random.usize(..grid.runnable.len());
        // SAFETY: the caller's promise.
        let turn = unsafe { grid.turn(thread, is_after, &mut self.random) }?;
        if grid.unended == 0 {
            let complete = self.grids.remove(place);
            if let Some(next) = self.grids.get_mut(place)
                && next.index == complete.index + 1
            {
                next.go_on();
            }
        }
        Ok(turn)
    }
}
