//! For Windows: the command lines that register the node with the service control manager, and the one that lets the task
//! scheduler start it. The first are prepared: the program doesn't answer that manager yet, which gives up on it after 30 s.

use super::{DESCRIPTION, NAME, Service};

/// What an administrator types into `cmd`, in order.
pub(crate) fn command_lines(service: &Service) -> Vec<String> {
    let run = std::iter::once(&service.program).chain(&service.arguments);
    let run = run.map(|word| argument(word)).collect::<Vec<_>>().join(" ");
    // A virtual account: it has no password and no rights but those it is given.
    let account = format!("NT SERVICE\\{NAME}");
    let mut lines = vec![
        format!(
            "sc.exe create {NAME} binPath= {} start= delayed-auto obj= {} DisplayName= {}",
            argument(&run),
            argument(&account),
            argument(DESCRIPTION)
        ),
        format!("sc.exe sidtype {NAME} unrestricted"),
        format!("sc.exe failure {NAME} reset= 86400 actions= restart/5000/restart/30000/restart/60000"),
        format!("sc.exe failureflag {NAME} 1"),
        // The folder and what comes to be in it.
        format!("mkdir {}", argument(&service.data)),
        format!(
            "icacls {} /inheritance:r /grant {} {}",
            argument(&service.data),
            modify(&account),
            modify("*S-1-5-32-544")
        ),
    ];
    for path in service.writes() {
        lines.push(format!("icacls {} /grant {}", argument(path), modify(&account)));
    }
    for path in service.reads() {
        lines.push(format!("icacls {} /grant {}", argument(path), argument(&format!("{account}:(OI)(CI)RX"))));
    }
    lines.push(format!("sc.exe start {NAME}"));
    lines
}

/// What starts the node with the machine until then.
pub(crate) fn task_line(service: &Service) -> String {
    let run = std::iter::once(&service.program).chain(&service.arguments);
    let run = run.map(|word| argument(word)).collect::<Vec<_>>().join(" ");
    format!(
        "schtasks /Create /TN {NAME} /SC ONSTART /RU {} /TR {}",
        argument(r"NT AUTHORITY\LOCAL SERVICE"),
        argument(&run)
    )
}

fn modify(account: &str) -> String {
    argument(&format!("{account}:(OI)(CI)F"))
}

/// A word as Windows programs take arguments apart: backslashes count only before a quote.
fn argument(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"', '(', '&', '^', '|', '<', '>', '*', ',', ';', '=']) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for character in word.chars() {
        if character == '"' {
            // Those before it are doubled, and it gets one of its own.
            quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        quoted.push(character);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn service() -> Service {
        Service {
            program: r"C:\Program Files\ODS\ods.exe".to_owned(),
            arguments: ["serve", "--data", r"C:\ProgramData\ODS", "--name", "hq 1"].map(str::to_owned).to_vec(),
            data: r"C:\ProgramData\ODS".to_owned(),
            user: "ods".to_owned(),
            has_low_port: false,
            reads: vec![r"C:\Program Files\ODS\ods.exe".to_owned(), r"D:\drop".to_owned()],
            writes: vec![r"D:\take here".to_owned()],
            stop_timeout: Duration::from_secs(30),
        }
    }

    #[test]
    fn the_task() {
        assert_eq!(
            task_line(&service()),
            r#"schtasks /Create /TN ods /SC ONSTART /RU "NT AUTHORITY\LOCAL SERVICE" /TR "\"C:\Program Files\ODS\ods.exe\" serve --data C:\ProgramData\ODS --name \"hq 1\"""#
        );
    }

    #[test]
    fn the_command_lines() {
        assert_eq!(
            command_lines(&service()),
            [
                r#"sc.exe create ods binPath= "\"C:\Program Files\ODS\ods.exe\" serve --data C:\ProgramData\ODS --name \"hq 1\"" start= delayed-auto obj= "NT SERVICE\ods" DisplayName= "ODS, the Open Distribution Server""#,
                "sc.exe sidtype ods unrestricted",
                "sc.exe failure ods reset= 86400 actions= restart/5000/restart/30000/restart/60000",
                "sc.exe failureflag ods 1",
                r"mkdir C:\ProgramData\ODS",
                r#"icacls C:\ProgramData\ODS /inheritance:r /grant "NT SERVICE\ods:(OI)(CI)F" "*S-1-5-32-544:(OI)(CI)F""#,
                r#"icacls "D:\take here" /grant "NT SERVICE\ods:(OI)(CI)F""#,
                r#"icacls D:\drop /grant "NT SERVICE\ods:(OI)(CI)RX""#,
                "sc.exe start ods",
            ]
        );
    }

    #[test]
    fn words_survive_being_taken_apart() {
        for (word, expected) in [
            (r"C:\x", r"C:\x"),
            ("", r#""""#),
            (r"C:\a b\", r#""C:\a b\\""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"a\"b"#, r#""a\\\"b""#),
        ] {
            assert_eq!(argument(word), expected, "{word}");
        }
    }
}
