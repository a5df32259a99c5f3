fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::LIST_ACTIVITY)
}
