//! Rounds: floor and gateway in turns.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cases::{Case, Load, Unit};
use crate::drive::{self, Done, Target};
use crate::process::{Launch, Running};

/// Starts of a program, of which the median counts.
const STARTS: usize = 11;

/// What runs.
#[derive(Debug)]
pub struct Bench<'a> {
    pub floor: &'a Running,
    pub gateway: &'a Running,
    pub rounds: usize,
}

/// One process in one round.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// CPU time of one unit in microseconds.
    pub cpu_us: f64,
    pub requests_per_second: f64,
}

/// The best of the rounds.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub load: Load,
    pub floor: Sample,
    pub gateway: Sample,
    /// CPU time of the gateway over that of the floor.
    pub ratio: f64,
}

/// The gateway with nothing to do.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// From the start of the process to the answer of `/ready`.
    pub ready_after: Duration,
    /// Bytes.
    pub resident: u64,
}

/// Starts the gateway some times.
pub fn idle(start: impl Fn() -> Result<Running>) -> Result<Idle> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let gateway = start()?;
        ask_ready(&gateway)?;
        starts.push((began.elapsed(), gateway.resident()?));
    }
    let micros = starts.iter().map(|start| start.0.as_secs_f64() * 1e6).collect();
    let bytes = starts.iter().map(|start| start.1 as f64).collect();
    Ok(Idle {
        ready_after: Duration::from_secs_f64(median(micros) / 1e6),
        resident: median(bytes) as u64,
    })
}

/// From the start of a command that asks nobody to its end.
pub fn run(command: impl Fn() -> Launch) -> Result<Duration> {
    let mut runs = Vec::new();
    for _ in 0..STARTS {
        let launch = command();
        let began = Instant::now();
        launch.run()?;
        runs.push(began.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(runs)))
}

/// Asks `/ready`, as a load balancer does.
fn ask_ready(gateway: &Running) -> Result<()> {
    let mut socket = TcpStream::connect(gateway.address)?;
    socket.write_all(b"GET /ready HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "not ready: {answer}");
    Ok(())
}

impl Bench<'_> {
    pub async fn run(&self, case: &Case, load: Load) -> Result<Figures> {
        let target = |running: &Running, path: &str| Target {
            address: running.address,
            path: path.to_owned(),
            body: case.body.clone(),
        };
        let floor = target(self.floor, &case.floor_path);
        let gateway = target(self.gateway, &case.path);
        let answer = drive::once(&gateway).await?;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(answer.contains(case.expect), "{}: unexpected answer {answer}", case.name);
        // Allocators and buffers find their sizes first.
        let warm_up = Load { requests: load.requests.div_ceil(3), ..load };
        drive::all(&floor, warm_up).await?;
        drive::all(&gateway, warm_up).await?;
        let (mut floors, mut gateways) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            floors.push(sample(self.floor, &floor, load, case.unit).await?);
            gateways.push(sample(self.gateway, &gateway, load, case.unit).await?);
        }
        let (floor, gateway) = (best(&floors), best(&gateways));
        Ok(Figures { load, floor, gateway, ratio: gateway.cpu_us / floor.cpu_us })
    }
}

async fn sample(process: &Running, target: &Target, load: Load, unit: Unit) -> Result<Sample> {
    let before = process.cpu()?;
    let Done { requests, wall } = drive::all(target, load).await?;
    let used = process.cpu()?.saturating_sub(before);
    let units = requests as f64 * f64::from(unit.per_request());
    Ok(Sample {
        cpu_us: used.as_secs_f64() * 1e6 / units,
        requests_per_second: requests as f64 / wall.as_secs_f64(),
    })
}

/// The least CPU time and the highest rate.
fn best(samples: &[Sample]) -> Sample {
    let rates = samples.iter().map(|sample| sample.requests_per_second);
    Sample {
        cpu_us: samples.iter().map(|sample| sample.cpu_us).fold(f64::INFINITY, f64::min),
        requests_per_second: rates.fold(0.0, f64::max),
    }
}

/// The middle value; of an even number the higher of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
