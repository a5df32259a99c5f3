fn main() -> Result<(), lambda_runtime::Error> {
    functions::serve!("end-session")
}
