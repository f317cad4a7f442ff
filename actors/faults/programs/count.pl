#!/usr/bin/perl
# Writes one numbered file after the other to spool/, and removes the one before the last. One at a time: count.pid.
use strict;
use warnings;
$| = 1;
if (open(my $old, '<', 'count.pid')) {
    my $pid = <$old> // '';
    chomp $pid;
    die "count.pid: already running (pid $pid), or left by one that crashed; remove count.pid if so\n";
}
open(my $own, '>', 'count.pid') or die "cannot write count.pid: $!\n";
print $own "$$\n";
close $own;
$SIG{TERM} = sub { unlink 'count.pid'; exit 0 };
my $n = 0;
while (1) {
    $n++;
    open(my $out, '>', "spool/$n") or do { warn "[count] spool/$n: $!\n"; unlink 'count.pid'; exit 3 };
    print $out "$n\n";
    close $out;
    unlink "spool/" . ($n - 2);
    open(my $mark, '>', 'counted') or die "counted: $!\n";
    print $mark "$n\n";
    close $mark;
    select(undef, undef, undef, 0.1);
}
