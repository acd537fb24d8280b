//! From the author's [`Driver`] to the object that crosses the boundary.

use crate::{
    Driver, Host, Job, Sink,
    abi::{BackendDriver, DriverBox, DriverError, EventSinkArc, Fut, HostArc, J, JobPortArc, Json, RResult, RString},
    guard::{Held, Wall},
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use serde::Serialize;
use std::{future::Future, sync::Arc};

/// The functions of `export_driver!` call this one.
pub fn create<D: Driver>(host: HostArc, instance: J<Instance>) -> RResult<DriverBox, DriverError> {
    let wall = Wall::of_driver();
    let inner = wall.clone();
    let made = wall.run(move || {
        let driver = D::create(Host::new(host), instance.decode()?)?;
        Ok(Adapter { driver: Arc::new(Held::new(inner.clone(), driver)), wall: inner })
    });
    made.map(DriverBox::of).into()
}

struct Adapter<D> {
    driver: Arc<Held<D>>,
    wall: Wall,
}

impl<D: Driver> Adapter<D> {
    /// Runs one method on its own handle to the driver, so that the future outlives the object.
    fn call<A, F, T>(&self, argument: A, method: impl FnOnce(Arc<Held<D>>, A) -> F + Send + 'static) -> Fut<T>
    where
        A: Send + 'static,
        F: Future<Output = Result<T, DriverError>> + Send,
        T: Send + 'static,
    {
        let driver = self.driver.clone();
        let wall = self.wall.clone();
        self.wall.future(async move {
            wall.check()?;
            method(driver, argument).await
        })
    }
}

fn encoded<X: Serialize>(result: Result<X, DriverError>) -> Result<J<X>, DriverError> {
    result.and_then(|value| J::encode(&value))
}

impl<D: Driver> BackendDriver for Adapter<D> {
    fn identify(&self) -> Fut<J<Identity>> {
        self.call((), |driver, ()| async move { encoded(driver.get().identify().await) })
    }

    fn inspect(&self) -> Fut<J<Inspection>> {
        self.call((), |driver, ()| async move { encoded(driver.get().inspect().await) })
    }

    fn check(&self) -> Fut<J<Sample>> {
        self.call((), |driver, ()| async move { encoded(driver.get().check().await) })
    }

    fn watch(&self, sink: EventSinkArc) -> Fut<()> {
        self.call(sink, |driver, sink| async move { driver.get().watch(Sink::new(sink)).await })
    }

    fn run(&self, attempt: J<Attempt>, port: JobPortArc) -> Fut<J<Outcome>> {
        self.call((attempt, port), |driver, (attempt, port)| async move {
            encoded(driver.get().run(attempt.decode()?, Job::new(port)).await)
        })
    }

    fn call(&self, operation: RString, argument: Json) -> Fut<Json> {
        self.call((operation, argument), |driver, (operation, argument)| async move {
            let argument =
                if argument.is_empty() { serde_json::Value::Null } else { J::from_text(argument).decode()? };
            let answer = driver.get().call(operation.into(), argument).await?;
            Ok(RString::from(answer.to_string()))
        })
    }

    fn shutdown(&self) -> Fut<()> {
        self.call((), |driver, ()| async move { driver.get().shutdown().await })
    }
}
