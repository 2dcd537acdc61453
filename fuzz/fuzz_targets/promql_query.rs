#![no_main]

use std::panic::set_hook;
use std::sync::Once;

static HOOK: Once = Once::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // The hook of libFuzzer would end the process at a panic of the parser, which the operator catches.
    HOOK.call_once(|| {
        set_hook(Box::new(|panic| {
            if !panic.location().is_some_and(|at| at.file().contains("promql-parser")) {
                eprintln!("{panic}");
            }
        }));
    });
    flow_fuzz::promql_query(data);
});
