use crate::{end_quietly, sample};
use flow_browser::Browser;
use thirtyfour::Key;

async fn robot() -> Browser {
    let browser = Browser::start().await.unwrap();
    browser.open(&sample::of(vec![sample::robot()]).document(), "").await.unwrap();
    browser.until("document.querySelectorAll('figure').length === 4").await.unwrap();
    browser
}

#[tokio::test]
async fn a_chart_has_its_bound_and_leaves_a_gap_where_nothing_was_measured() {
    let browser = robot().await;
    let lines: Vec<String> = browser
        .get("[...document.querySelectorAll('.value')].map(it => it.getAttribute('d'))")
        .await
        .unwrap();
    assert_eq!(lines.iter().map(|line| line.matches('M').count()).collect::<Vec<_>>(), [2, 1]);
    let count = |kind: &str| format!("document.querySelector('figure').querySelectorAll('{kind}').length");
    assert_eq!(browser.get::<u32>(&count(".gap")).await.unwrap(), 1);
    assert_eq!(browser.get::<u32>(&count(".violation")).await.unwrap(), 2);
    assert_eq!(browser.get::<u32>(&count(".bound")).await.unwrap(), 1);
    let labels: Vec<String> = browser
        .get("[...document.querySelectorAll('.bound-label')].map(it => it.textContent)")
        .await
        .unwrap();
    assert_eq!(labels, ["bound 150 us", "bound 8 Mbit/s"]);
    let told: Vec<String> = browser
        .get("[...document.querySelectorAll('svg[role=img]')].map(it => it.getAttribute('aria-label'))")
        .await
        .unwrap();
    assert!(
        told[0].starts_with("command-jitter: last ") && told[0].ends_with(", bound at most 150 us, Violated"),
        "{told:?}"
    );
    assert!(told[1].ends_with(", bound at least 8 Mbit/s, Met"), "{told:?}");
    assert!(told[2].ends_with("in force on 2 of 3 pods"), "{told:?}");
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_range_is_one_chart_with_both_bounds_and_what_is_beyond_either_is_shaded() {
    let mut policy = sample::robot();
    let range = &mut policy.objectives[1];
    (range.bound, range.at_least, range.other_bound) = (12e6, false, Some(8e6));
    range.values.values.fill(Some(10e6));
    (range.values.values[44], range.values.values[60]) = (Some(5e6), Some(13e6));
    let browser = Browser::start().await.unwrap();
    browser.open(&sample::of(vec![policy]).document(), "").await.unwrap();
    browser.until("document.querySelectorAll('figure').length === 4").await.unwrap();
    let of_range =
        |kind: &str| format!("[...document.querySelectorAll('figure')[1].querySelectorAll('{kind}')]");
    assert_eq!(browser.get::<u32>(&format!("{}.length", of_range(".violation"))).await.unwrap(), 2);
    let labels = format!("{}.map(it => it.textContent)", of_range(".bound-label"));
    let labels: Vec<String> = browser.get(&labels).await.unwrap();
    assert_eq!(labels, ["bound 8 Mbit/s", "bound 12 Mbit/s"]);
    let told = format!("{}[0].textContent", of_range("figcaption"));
    let told: String = browser.get(&told).await.unwrap();
    for part in ["within 8 Mbit/s to 12 Mbit/s", "lowest 5 Mbit/s", "highest 13 Mbit/s"] {
        assert!(told.contains(part), "{told}");
    }
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn the_bound_is_drawn_where_its_value_is_on_the_axis() {
    let browser = robot().await;
    // Two labels of the axis tell how high a value is.
    let script = "
        const svg = document.querySelectorAll('figure > svg')[0];
        const ticks = [...svg.querySelectorAll('.tick[text-anchor=end]')].map(it => [parseFloat(it.textContent), +it.getAttribute('y') - 4]);
        const [[low, bottom], [high, top]] = [ticks[0], ticks.at(-1)];
        const bound = +svg.querySelector('.bound').getAttribute('d').match(/^M[\\d.]+ ([\\d.]+)/)[1];
        return low + (bottom - bound) / (bottom - top) * (high - low);";
    let bound: f64 = browser.run(script).await.unwrap();
    assert!((bound - 150.0).abs() < 3.0, "{bound}");
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_decision_tells_its_reason_to_pointer_and_keyboard() {
    let browser = robot().await;
    let reason = "document.querySelector('.reason').innerText";
    let newest: String = browser.get(reason).await.unwrap();
    assert!(newest.contains("command-jitter is 412us"), "{newest}");
    browser.hover(".mark").await.unwrap();
    browser
        .until(&format!("{reason}.includes('Decrease, QueueGrows: the queue on the path')"))
        .await
        .unwrap();
    // 12:03:30 UTC is 13:03:30 in Berlin.
    browser.until(&format!("{reason}.includes('13:03:30')")).await.unwrap();
    browser.run::<()>("document.querySelector('.mark.chosen').focus()").await.unwrap();
    browser.press(Key::Right).await.unwrap();
    browser.press(Key::Right).await.unwrap();
    browser.until(&format!("{reason}.includes('Increase, Recovery: it is calm again')")).await.unwrap();
    let focused: String = browser.get("document.activeElement.getAttribute('aria-label')").await.unwrap();
    assert!(focused.contains("Increase, Recovery"), "{focused}");
    let tabs: u32 = browser.get("document.querySelectorAll('.mark[tabindex=\"0\"]').length").await.unwrap();
    assert_eq!(tabs, 1, "one stop of the tab key leads to all marks");
    browser.picture("decision").await.unwrap();
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn decisions_are_listed_with_the_newest_first() {
    let browser = robot().await;
    browser.click("details.decisions > summary").await.unwrap();
    let rows: Vec<String> = browser
        .get("[...document.querySelectorAll('details.decisions tr')].map(it => it.innerText)")
        .await
        .unwrap();
    assert_eq!(rows.len(), 6);
    assert!(rows[0].contains("412us") && rows[5].contains("QueueGrows"), "{rows:?}");
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn the_pointer_reads_all_charts_at_one_time() {
    let browser = robot().await;
    browser.hover("figure:last-of-type > svg").await.unwrap();
    let told = "[...document.querySelectorAll('.readout')].map(it => it.textContent)";
    browser.until(&format!("{told}.filter(text => text.includes('13:07:')).length === 3")).await.unwrap();
    let told: Vec<String> = browser.get(told).await.unwrap();
    assert!(
        told[0].ends_with("not measured") && told[3].contains("limit: 48 Mbit/s a pod, sent: "),
        "{told:?}"
    );
    end_quietly(browser, "file://").await;
}
