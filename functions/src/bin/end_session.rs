fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::END_SESSION)
}
