/* Two functions call each other until 8 MiB of stack are full: some 260,000 frames of 32 bytes. */
static int pong(int depth);

static int ping(int depth)
{
    return pong(depth + 1) + 1;
}

static int pong(int depth)
{
    return ping(depth + 1) + 1;
}

int main(void)
{
    return ping(0);
}
