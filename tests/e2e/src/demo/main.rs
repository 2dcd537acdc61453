//! `demo`: a critical flow is broken by a congested link and protected by a policy, on a real cluster.
//!
//! Run it inside a lab: `make demo`.

mod show;

use flow_e2e::scenario::{self, Lengths};
use flow_e2e::{Recording, Result, page, plot, report::Report};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Where the files go.
const FOLDER: &str = "target/demo";

const LENGTHS: Lengths = Lengths {
    quiet: Duration::from_secs(15),
    congested: Duration::from_secs(20),
    protected: Duration::from_mins(1),
    released: Duration::from_secs(20),
};

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            for sentence in missed {
                show::line(&format!("MISSED: {sentence}"));
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            show::line(&format!("The demo could not go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs, shows and writes everything, and returns what was promised and not reached.
async fn demo() -> Result<Vec<String>> {
    show::introduction();
    let (report, recording) = scenario::run(LENGTHS, &mut show::live).await?;
    show::table(&report);
    write(&report, &recording)?;
    Ok(report.missed())
}

fn write(report: &Report, recording: &Recording) -> Result<()> {
    let folder = Path::new(FOLDER);
    fs_err::create_dir_all(folder)?;
    let (figures, image) = (folder.join("report.json"), folder.join("plot.svg"));
    fs_err::write(&figures, serde_json::to_string_pretty(report).map_err(std::io::Error::from)?)?;
    fs_err::write(&image, plot::svg(recording, report.bound_us)?)?;
    let document = folder.join("page.html");
    fs_err::write(&document, page::page(recording, report).document())?;
    show::line(&format!(
        "Figures: {}\nPlot:    {}\nPage:    {}",
        figures.display(),
        image.display(),
        document.display()
    ));
    Ok(())
}
