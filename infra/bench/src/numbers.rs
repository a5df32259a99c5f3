//! Medians and percentiles.

/// The value below which this part of all lies: `0.5` is the median.
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = [3.0, 1.0, 2.0, 5.0, 4.0];
        let found = [0.0, 0.5, 0.99, 1.0].map(|part| percentile(&values, part));
        assert_eq!(found, [1.0, 3.0, 5.0, 5.0]);
        assert_eq!(median(&[]), 0.0);
    }
}
