import Glibc
import Simulator

@main
enum Main {
    static func main() { exit(Simulator.main(Array(CommandLine.arguments.dropFirst()))) }
}
