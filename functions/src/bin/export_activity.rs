fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::EXPORT_ACTIVITY)
}
