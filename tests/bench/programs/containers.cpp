// Dies with containers of ten million elements at hand.
#include <deque>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

__attribute__((noinline)) static std::size_t crash(std::vector<int> &vector, std::map<int, int> &map,
                                                   std::list<int> &list,
                                                   std::unordered_map<int, int> &hashed,
                                                   std::deque<int> &deque, std::vector<bool> &bits)
{
    *(volatile int *)0 = 1;
    return vector.size() + map.size() + list.size() + hashed.size() + deque.size() + bits.size();
}

int main()
{
    const int count = 10000000;
    std::vector<int> vector(count);
    std::map<int, int> map;
    std::list<int> list;
    std::unordered_map<int, int> hashed;
    std::deque<int> deque;
    std::vector<bool> bits(count);
    for (int i = 0; i < count; i++) {
        vector[i] = i * 7;
        map.emplace_hint(map.end(), i, i);
        list.push_back(i);
        hashed[i] = i;
        deque.push_back(i);
    }
    return crash(vector, map, list, hashed, deque, bits) > 0;
}
