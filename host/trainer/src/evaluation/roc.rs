//! The area under the ROC curve.

/// Returns the probability that a sample with the property has a higher score than a sample without it. Equal scores count half. Returns
/// `None` if all samples have the property, or none.
///
/// r is a sample's rank from 1 (equal scores share their mean rank). P samples have the property, and N do not. The area is
/// `(Σ r − P (P + 1) / 2) / (P · N)`, with the sum over the samples with the property (Hanley, McNeil, "The meaning and use of the area
/// under a ROC curve", 1982).
pub fn area(scored: impl Iterator<Item = (f32, bool)>) -> Option<f64> {
    let mut scored: Vec<(f32, bool)> = scored.collect();
    scored.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let positives = scored.iter().filter(|(_, has_it)| *has_it).count();
    let negatives = scored.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut ranks, mut before) = (0.0, 0);
    for equal in scored.chunk_by(|(a, _), (b, _)| a == b) {
        let mean = before as f64 + (equal.len() + 1) as f64 / 2.0;
        ranks += mean * equal.iter().filter(|(_, has_it)| *has_it).count() as f64;
        before += equal.len();
    }
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_areas() {
        let of = |scores: &[(f32, bool)]| area(scores.iter().copied());
        // The example of scikit-learn's roc_auc_score.
        assert_eq!(of(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), Some(0.75));
        assert_eq!(of(&[(0.5, false), (0.5, true)]), Some(0.5));
        assert_eq!(of(&[(0.5, true)]), None);
        assert_eq!(of(&[]), None);
    }

    proptest! {
        #[test]
        fn an_area_counts_pairs(scored in prop::collection::vec((-4_i8..4, any::<bool>()), 2..40)) {
            let scored: Vec<_> = scored.into_iter().map(|(score, has_it)| (f32::from(score), has_it)).collect();
            let of = |wanted| scored.iter().filter(move |(_, has_it)| *has_it == wanted);
            let pairs = of(true).flat_map(|a| of(false).map(move |b| (a.0, b.0)));
            let (mut won, mut all) = (0.0, 0.0);
            for (a, b) in pairs {
                won += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                all += 1.0;
            }
            match area(scored.iter().copied()) {
                None => prop_assert_eq!(all, 0.0),
                Some(area) => prop_assert!((area - won / all).abs() < 1e-12),
            }
        }
    }
}
