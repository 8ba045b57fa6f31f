//! Two programs that take turns, so that both see the machine in the same moods.

use anyhow::{Context, Result};

use super::{Spread, peer::Epochs};

/// A peer's epochs in the rounds that it shared with ours.
pub struct Against {
    pub peer: String,
    /// Seconds.
    pub epoch: Spread,
    /// In each round the peer's median by ours.
    pub ratio: Spread,
}

/// Rounds of a peer's process and of our epochs; ours, and what they are against.
pub fn take_turns(
    rounds: u32,
    mut peer: impl FnMut() -> Result<Epochs>,
    mut ours: impl FnMut() -> Result<Vec<f64>>,
) -> Result<(Spread, Against)> {
    let (mut name, mut all, mut theirs, mut ratios) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let epochs = peer()?;
        let seconds = ours()?;
        ratios.push(spread(&epochs.seconds)?.median / spread(&seconds)?.median);
        all.extend(seconds);
        theirs.extend(epochs.seconds);
        name = epochs.name;
    }
    Ok((spread(&all)?, Against { peer: name, epoch: spread(&theirs)?, ratio: spread(&ratios)? }))
}

/// Returns the median, the smallest and the largest of the epochs' seconds.
///
/// # Errors
///
/// If there are no epochs.
pub fn spread(seconds: &[f64]) -> Result<Spread> {
    Spread::of(seconds).context("no epoch was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_a_round() {
        let mut speed = 1.0;
        let peer = || Ok(Epochs { name: "peer".into(), seconds: vec![4.0, 6.0, 5.0] });
        let ours = || {
            speed /= 2.0;
            Ok(vec![speed, 3.0 * speed, 2.0 * speed])
        };
        let (epoch, against) = take_turns(2, peer, ours).unwrap();
        assert_eq!(epoch, Spread { median: 0.625, min: 0.25, max: 1.5 });
        assert_eq!((against.peer.as_str(), against.epoch.median), ("peer", 5.0));
        assert_eq!(against.ratio, Spread { median: 7.5, min: 5.0, max: 10.0 });
        assert!(take_turns(1, peer, || Ok(Vec::new())).is_err());
    }
}
