use jiff::Timestamp;

/// How long ago something was, as kubectl tells ages: `12s`, `5m`, `3h`, `9d`. A time to come was just now.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_the_unit_that_a_person_would_choose() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let cases = [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")];
        for (seconds, shown) in cases {
            assert_eq!(age(at(0), at(seconds)), shown);
        }
        assert_eq!(age(at(60), at(0)), "0s", "clocks differ");
    }
}
