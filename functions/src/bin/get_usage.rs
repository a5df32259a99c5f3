fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::GET_USAGE)
}
