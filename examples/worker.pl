#!/usr/bin/env perl
# A procguard worker in Perl, with core modules only, after docs/protocol.md. It offers `echo`, `sum`, and `count`,
# a stream. Pings are answered between two requests and two items: handlers that take long would have to fork.
use strict;
use warnings;
use IO::Select;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical->max_depth(100);
open(my $control, '+<&=', 3) or die "Start this program through a procguard Pool: fd 3: $!\n";
open(my $data, '+<&=', 4) or die "Start this program through a procguard Pool: fd 4: $!\n";
my ($lines, $frames) = ('', '');    # What was read, and isn't complete.
my ($draining, $parent) = (0, getppid());
my (%streams, %cancelled);          # By the ids of their requests.
$SIG{TERM} = sub { $draining = 1; alarm 2 };
$SIG{ALRM} = sub { exit 0 };
$SIG{INT} = $SIG{PIPE} = 'IGNORE';

sub send_all {
    my ($socket, $bytes) = @_;
    while (length $bytes) {
        my $sent = syswrite($socket, $bytes);
        if (defined $sent) { substr($bytes, 0, $sent, '') }
        elsif (!$!{EINTR}) { exit 0 }    # The host has gone.
    }
}

sub tell_host { send_all($control, $json->encode($_[0]) . "\n") }

sub answer {
    my ($header, $body) = (@_, '');
    my $text = $json->encode($header);
    send_all($data, pack('NN', length $text, length $body) . $text . $body);
}

sub fail { answer({ type => 'error', id => $_[0], error => { code => $_[1], message => $_[2] } }) }

sub on_control {
    my $message = $json->decode($_[0]);
    my ($type, $id) = ($message->{type} // '', $message->{id});
    if ($type eq 'ping') { tell_host({ type => 'pong', seq => $message->{seq} }) }
    elsif ($type eq 'cancel') { $cancelled{$id} = 1 }    # Also when the request hasn't come yet.
    elsif ($type eq 'credit') { $streams{$id}{credit} += $message->{items} if $streams{$id} }
    elsif ($type eq 'drain') { $draining = 1 }
    elsif ($type eq 'refused') { die "$message->{message}\n" }
}

sub on_request {
    my ($request, $body) = @_;
    my ($id, $method, $args, $credit) = @$request{qw(id method args credit)};
    my $is_stream = $request->{type} eq 'stream';
    my %result = (type => $is_stream ? 'item' : 'result', id => $id);
    if (delete $cancelled{$id}) { return fail($id, 'cancelled', 'cancelled') }
    elsif ($method eq 'count' && $is_stream) {
        return $streams{$id} = { id => $id, next => 0, count => $args->[0], credit => $credit };
    }
    elsif ($method eq 'count') { $result{value} = [0 .. $args->[0] - 1] }
    elsif ($method eq 'sum') { $body = ''; $result{value} = 0; $result{value} += $_ for @$args }
    elsif ($method eq 'echo') {    # Markers and parts go back as they came.
        $result{$_} = $request->{$_} for grep { exists $request->{$_} } qw(marked parts);
        $result{value} = $args;
    }
    else { return fail($id, 'unknown_method', "No handler is named '$method'") }
    answer(\%result, $body);
    answer({ type => 'end', id => $id }) if $is_stream;
}

# One item of each stream that may send. Returns whether there is more to do.
sub advance {
    for my $stream (values %streams) {
        my $id = $stream->{id};
        if (delete $cancelled{$id}) { fail($id, 'cancelled', 'cancelled'); delete $streams{$id} }
        elsif ($stream->{next} >= $stream->{count}) { answer({ type => 'end', id => $id }); delete $streams{$id} }
        elsif ($stream->{credit} > 0) { answer({ type => 'item', id => $id, value => $stream->{next}++ }); $stream->{credit}-- }
    }
    return scalar grep { $_->{credit} > 0 || $_->{next} >= $_->{count} } values %streams;
}

tell_host({ type => 'hello', protocol => 1, sdk => 'perl/1', pid => $$, handlers => [qw(count echo sum)] });
my ($select, $is_busy) = (IO::Select->new($control, $data), 0);
while (1) {
    my @ready = $select->can_read($is_busy || $draining ? 0 : 1);
    exit 0 if getppid() != $parent || ($draining && !@ready && !%streams && !length $frames);
    for my $socket (@ready) {
        my $buffer = $socket == $control ? \$lines : \$frames;
        my $count = sysread($socket, $$buffer, 65_536, length $$buffer);
        exit 0 if defined $count ? !$count : !$!{EINTR};
    }
    on_control($1) while $lines =~ s/\A(.*)\n//;
    while (length $frames >= 8) {
        my ($header_bytes, $body_bytes) = unpack('NN', $frames);
        die "A frame is over the limits\n" if $header_bytes > 2**20 || $body_bytes > 2**30;
        last if length $frames < 8 + $header_bytes + $body_bytes;
        my (undef, $header, $body) = unpack("a8 a$header_bytes a$body_bytes", $frames);
        substr($frames, 0, 8 + $header_bytes + $body_bytes, '');
        on_request($json->decode($header), $body);
    }
    $is_busy = advance();
}
